"""Recipes, rows, batches and the trainer. Import what you need from the files of this folder."""
