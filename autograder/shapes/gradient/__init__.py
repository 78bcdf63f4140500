"""Methods that adapt a dict of parameters by gradient steps: MAML and those after it.

A second one takes questions and checks from here, and writes what is its own. Its probe:

    from autograder.shapes.gradient.probe import constructed, inner_loop, predict

    __all__ = ["build", "inner_loop", "predict", "train"]


    def build(module, way, steps, inner_lr, learn=False):
        return constructed(module.Reptile, way, steps, inner_lr)


    def train(build, drawings, way, shot, query, tasks, batches, inner_lr, seed) -> Weights:
        '''Train by its own outer step, which moves theta itself.'''
        method = build(way, 5, inner_lr)
        stream = character_tasks(drawings, way, shot, query, tasks, seed)
        for step, batch in zip(range(batches), stream):
            method._outer_step(batch, 1 - step / batches)
        return Weights(method._meta_parameters)

Its checks:

    from autograder.shapes.gradient.assertions import draw_batch, draw_parameters, equal_rates
    from autograder.shapes.gradient.checks import (
        test_inner_loop_returns_all_parameters, test_adaptation_learns_from_the_support,
        test_meta_parameters_keep_their_values,
    )

    @points(3)
    @hint("...")
    def test_outer_step_moves_towards_the_mean_of_the_results(student, reference, draw):
        theta, tasks = draw_parameters(draw, way=3), draw_batch(draw, way=3, shot=2)
        ...

Checks that are imported are the exercise's own, with the points, hint and title that they have here, before those that
it writes itself. Points are shares: what a homework gives for the exercise is divided among its checks. Whoever wants
one in another place, or with other points or words, writes it and has it assert what the shape's asserts: those
assertions lie in assertions.py.

    probe.py, checks.py       questions and whole checks of an inner loop and an outer step with a loss to differentiate
    assertions.py             what checks draw, compute and assert; hints that they share
    outer_gradient.py         questions of a method that computes its outer gradient by itself, and of its memory
    outer_gradient_checks.py  what checks assert of it
    learned_parts.py          training and prediction of a method that learns more than its initialisation
    linear_layer.py           a layer in the place of the network, where numbers have to be known in closed form
    network.py                the probe's network without torch
    failures.py               pictures of failed checks
"""
