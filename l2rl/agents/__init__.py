"""Learners on Stable-Baselines3's chassis, made of components."""
