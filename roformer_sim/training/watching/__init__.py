"""What one sees of a run: progress, metrics.csv, TensorBoard, STS as it goes, curves, model card; and its end at NaN.

Nothing is imported here: `diverged`, `metric_names`, `metrics_file`, `curves` and `model_card` work without Keras.
"""
