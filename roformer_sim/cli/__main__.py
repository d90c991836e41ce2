"""``python -m roformer_sim.cli`` is ``roformer-sim``."""

from roformer_sim.cli.application import main

if __name__ == "__main__":
    main()
