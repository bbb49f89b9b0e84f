"""mqn: search neural architectures and mixed quantization for the phone, by measurement."""

__version__ = "0.1.0"
