"""What computes: models, their runs, and what is worked out from them. No torch tensor leaves this layer."""

import os

# The libraries below read these once, when they are imported: no network, no telemetry, nothing on stderr.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    TRANSFORMERS_VERBOSITY="error",
    TOKENIZERS_PARALLELISM="false",
    TQDM_DISABLE="1",
    WANDB_MODE="disabled",
)
