"""The named models as files, written once a session."""

import onnx
import pytest
from models import build


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """A function from a model's name to its file; tensors lie outside of it where the model says so."""
    folder = tmp_path_factory.mktemp("models")
    files = {}

    def write(name):
        if name not in files:
            example = build(name)
            files[name] = folder / f"{name}.onnx"
            outside = {"save_as_external_data": True, "size_threshold": 0, "location": f"{name}.data"}
            copy = onnx.ModelProto()
            copy.CopyFrom(example.model)
            onnx.save(copy, files[name], **(outside if example.external else {}))
        return files[name]

    return write
