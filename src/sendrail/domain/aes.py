"""AES over single blocks, as the permutations of ids use it: from any thread, at any time."""

import threading
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES_KEY_BYTES: Final = 16


class BlockCipher(threading.local):
    """AES-128 over blocks of 16 bytes under one key, in both directions.

    ECB over single, distinct blocks is AES itself; one call enciphers as many as are given. A
    context of the library belongs to one call at a time (a second raises `RuntimeError: Already
    borrowed`), and ids are made on the loop and by the threads that read: each has its own.
    """

    def __init__(self, key: bytes) -> None:
        assert len(key) == AES_KEY_BYTES, "an id key must be one AES-128 key"
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
        self.encipher = cipher.encryptor().update
        self.decipher = cipher.decryptor().update
