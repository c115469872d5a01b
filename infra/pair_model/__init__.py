"""Training, quantisation and calibration of the question-pair model; not part of the layer."""
