import importlib.util
import sys
import types

if importlib.util.find_spec("assistant.code.infer") is None:
    stub = types.ModuleType("assistant.code.infer")
    stub.infer_lang = lambda code: "unknown"
    sys.modules["assistant.code.infer"] = stub
