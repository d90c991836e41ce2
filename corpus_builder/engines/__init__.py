"""Where a mining run takes place: on one machine (:mod:`corpus_builder.miners.run`) or on Spark."""
