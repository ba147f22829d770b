"""Schedules: pure functions of the update's index k = 0, 1, 2, ..., for the learning rate or any hyperparameter."""
