"""On what does a network run: PyTorch, OpenVINO or ONNX Runtime?"""
