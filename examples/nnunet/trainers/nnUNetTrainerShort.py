"""nnU-Net's own training for as long as the row's table says; found by `nnUNet_extTrainer`."""

import os

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerShort(nnUNetTrainer):
    """`SHORT_EPOCHS` epochs of `SHORT_ITERATIONS` iterations in place of 1,000 of 250. Predicting needs neither."""

    def __init__(self, plans: dict, configuration: str, fold: int, dataset_json: dict,
                 device: torch.device = torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ["SHORT_EPOCHS"])
        self.num_iterations_per_epoch = int(os.environ["SHORT_ITERATIONS"])
        self.num_val_iterations_per_epoch = 2

    def perform_actual_validation(self, save_probabilities: bool = False):
        """Nothing: the staged split validates on the training cases, and the study scores the test cases."""
