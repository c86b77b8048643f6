"""The embedded engine: a program of its own, started by `engine` and never imported.

It reads one line of JSON on stdin (`model`, `alias`, `template`, `api_key`, `slots`, `context`,
`threads`), answers with one on stdout (`url` or `error`), and serves until stdin ends, which a
parent that dies brings about, too. A process of its own keeps llama.cpp's log away from the
terminal, and its endless loops away from the run: a JSON schema of a few lines can cause one.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

SEED = 42
LONGEST_REPLY = 512
"""Tokens, where a request names no limit: a small model that repeats itself never stops."""


def main() -> None:
    """Start the server, say where it listens, and wait for the end of stdin."""
    answer = os.dup(1)
    # What the engine prints goes where its log goes.
    os.dup2(2, 1)
    server = None
    try:
        server = _start(json.loads(sys.stdin.readline()))
        said = {"url": server.listening_address}
    except Exception as error:  # noqa: BLE001 - told to the parent, whatever it is
        said = {"error": f"{type(error).__name__}: {error}"}
    os.write(answer, json.dumps(said).encode() + b"\n")
    os.close(answer)
    if server is not None:
        sys.stdin.read()
    # Nothing of the engine is worth a tidy end, and its threads may not come to one.
    os._exit(0)


def _start(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = [settings["alias"]]
    params.chat_template = settings["template"]
    params.api_keys = [settings["api_key"]]
    params.port = 0
    params.verbosity = -1
    params.ui = params.endpoint_slots = False
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    _repeat_exactly(params, xllamacpp)
    return xllamacpp.Server(params)


def _repeat_exactly(params: Any, xllamacpp: Any) -> None:
    """The same request gives the same bits, whatever came before it and however many threads run.

    Measured over requests in several orders, with 1 to 4 slots and threads: a prompt cache, a
    cache that slots share, and flash attention each changed the last bits of the logits.
    """
    params.cache_prompt = params.kv_unified = False
    params.cache_ram_mib = 0
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    # Sizes that follow the free memory, and the kernels that one processor has and another lacks.
    params.fit_params = False
    params.no_extra_bufts = params.no_kv_offload = params.no_op_offload = True
    params.n_gpu_layers = 0
    params.sampling.seed = SEED
    params.sampling.temp = 0.0
    params.n_predict = LONGEST_REPLY


if __name__ == "__main__":
    main()
