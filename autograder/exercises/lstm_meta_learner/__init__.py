"""The LSTM meta-learner."""
