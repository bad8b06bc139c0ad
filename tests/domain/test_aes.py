"""AES as the ids use it: the words of the standard, and from many threads at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sendrail.domain.aes import BlockCipher


def test_it_is_the_standards():
    """FIPS 197, appendix C.1."""
    aes = BlockCipher(bytes(range(16)))
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    cipher = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")
    assert (aes.encipher(plain), aes.decipher(cipher)) == (cipher, plain)


def test_threads_use_one_at_the_same_time():
    aes = BlockCipher(bytes(16))
    blocks = bytes(16 * 100_000)
    wanted = aes.encipher(blocks)

    def there_and_back(_):
        return aes.encipher(blocks) == wanted and aes.decipher(wanted) == blocks

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(100)))


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_key_of_another_size_is_refused(size):
    with pytest.raises(AssertionError, match="one AES-128 key"):
        BlockCipher(bytes(size))
