# SPDX-License-Identifier: Apache-2.0
"""`python -m local_engine --socket PATH --model-file F --model-name N`: the supervised engine."""

import sys

from local_engine.supervisor import main

if __name__ == "__main__":
    sys.exit(main())
