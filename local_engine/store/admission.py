# SPDX-License-Identifier: Apache-2.0
"""Whether a model file may be handed to llama.cpp, and how to talk to what is in it.

A file of the model store must be what the manifest of its name says. An operator's own file may
stand under any name, that of a known model too: it is taken for that model only if it is the same,
byte for byte, and is otherwise judged by its header.
"""

from __future__ import annotations

from pathlib import Path

from local_engine.errors import ModelFileError
from local_engine.profile import ModelProfile
from local_engine.store.gguf import read_file
from local_engine.store.manifest import manifests
from local_engine.store.verify import ensure_verified
from local_engine.template import recognise, trained_for_tools


def admit(name: str, model_file: Path, *, is_own: bool = False) -> ModelProfile:
    """The profile of a file that was checked: quickly when a stamp fits. Raises ModelFileError.

    `is_own`: the operator named this file; it did not come from the store.
    """
    manifest = manifests().get(name)
    if manifest is not None:
        try:
            ensure_verified(manifest, model_file)
        except ModelFileError:
            if not is_own:
                raise
        else:
            return manifest.profile
    brought = read_file(model_file).text("tokenizer.chat_template")
    template = recognise(brought)
    if template is None:
        raise ModelFileError(f"model file not usable: {model_file}: its chat template is not known")
    return ModelProfile(name=name, template=template, tools=trained_for_tools(brought))
