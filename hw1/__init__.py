"""Homework 1: the data pipeline and a black-box meta-learner."""
