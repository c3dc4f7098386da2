"""The contexts of the adaptive stage as data: ``table``, in the notation of ``expression``."""
