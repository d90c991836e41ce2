"""Long runs in pieces: what is finished stays finished, whatever ends the run.

``parts``       the finished pieces of a run on disk
``workers``     pieces of work on all cores, results in order
``frequent``    values that occur in many pieces, counted exactly in bounded memory
"""
