"""What one sees of a run: progress, metrics.csv, TensorBoard, STS, curves, a model card; and its end at NaN.

`assemble.py` puts them together. Nothing is imported here; `diverged`, `metric_names`, `metrics_file` and
`curves` load no Keras.
"""
