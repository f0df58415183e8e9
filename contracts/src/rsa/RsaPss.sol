// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Digest384, Sha384 } from "../hash/Sha384.sol";
import { Sha384Pair } from "../hash/Sha384Pair.sol";

/// The MODEXP precompile did not answer: too little gas, or a chain without it. Says nothing about the signature.
error ModularExponentiationFailed();

/**
 * RSASSA-PSS (RFC 8017 section 8.1.2) in the one form that AMD signs certificates with: RSA-4096, e = 65537, SHA-384,
 * MGF1 with SHA-384, a salt of 48 bytes, trailer bc. A key or signature of another form is answered with false.
 */
library RsaPss {
    uint256 internal constant BYTES = 512;

    /// Before the hash and the trailer: 512 - 48 - 1.
    uint256 private constant MASKED_BYTES = 463;
    /// Zeros before the 01 that stands before the salt: 463 - 48 - 1.
    uint256 private constant ZEROS = 414;
    uint256 private constant TOP_BIT = 1 << 255;
    /// Behind a counter of four bytes.
    uint256 private constant CLOSING_BIT = 0x80 << 216;

    /// Contracts that hash, one message at a time and two; whoever names them trusts their code.
    struct Engines {
        address one;
        address two;
    }

    /// Whether `signature` is one of a message with this digest under this modulus.
    function verify(Engines memory engines, bytes memory modulus, Digest384 memory digest, bytes memory signature)
        internal
        view
        returns (bool)
    {
        if (modulus.length != BYTES || signature.length != BYTES) return false;
        uint256 n;
        uint256 s;
        assembly ("memory-safe") {
            n := add(modulus, 0x20)
            s := add(signature, 0x20)
        }
        return verifyAt(engines, n, digest, s);
    }

    /// The same of 512 bytes of memory from `modulus` and from `signature` on. Nothing stays allocated.
    function verifyAt(Engines memory engines, uint256 modulus, Digest384 memory digest, uint256 signature)
        internal
        view
        returns (bool)
    {
        if (!isKey(modulus) || !isBelow(signature, modulus)) return false;
        uint256 encoded = power65537(signature, modulus);
        // RFC 8017 section 9.1.2, steps 4 and 6: 4,095 bits of 4,096 are used, so the first is zero.
        if (word(encoded) & TOP_BIT != 0 || uint8(word(encoded + BYTES - 32)) != 0xbc) return false;

        uint256 hash = encoded + BYTES;
        (uint256 first, uint256 last) = (word(encoded + MASKED_BYTES), word(encoded + MASKED_BYTES + 32) >> 128);
        unmask(engines.two, encoded, hash);
        if (!isPadded(encoded)) return false;

        // Step 12: eight zeros, the message's digest and the salt.
        store(hash, 0);
        store(hash + 8, uint256(digest.first));
        store(hash + 40, uint256(bytes32(digest.last)));
        copy(hash + 56, encoded + ZEROS + 1, 48);
        (uint256 ownFirst, uint256 ownLast) = Sha384.words(engines.one, hash, 104);
        return ownFirst == first && ownLast >> 128 == last;
    }

    /// 4,096 bits in full, and odd: what every party here takes for an RSA key.
    function isKey(uint256 modulus) private pure returns (bool) {
        return word(modulus) & TOP_BIT != 0 && word(modulus + BYTES - 32) & 1 == 1;
    }

    /// RFC 8017 section 5.2.2: a signature representative is below the modulus, or one signature has two spellings.
    function isBelow(uint256 left, uint256 right) private pure returns (bool) {
        for (uint256 at = 0; at < BYTES; at += 32) {
            (uint256 x, uint256 y) = (word(left + at), word(right + at));
            if (x != y) return x < y;
        }
        return false;
    }

    /// Answers with a pointer to 512 bytes behind all allocated memory.
    function power65537(uint256 base, uint256 modulus) private view returns (uint256 result) {
        bool answered;
        assembly ("memory-safe") {
            result := mload(0x40)
            // EIP-198: three lengths, then base, exponent and modulus.
            mstore(result, 512)
            mstore(add(result, 0x20), 3)
            mstore(add(result, 0x40), 512)
            mcopy(add(result, 0x60), base, 512)
            mstore(add(result, 0x260), shl(232, 0x010001))
            mcopy(add(result, 0x263), modulus, 512)
            answered := staticcall(gas(), 0x05, result, 0x463, result, 512)
            // A chain without the precompile has an empty account there, which succeeds.
            answered := and(answered, eq(returndatasize(), 512))
        }
        if (!answered) revert ModularExponentiationFailed();
    }

    /// RFC 8017 appendix B.2.1: ten digests of hash and counter cover 463 bytes, the last of them with 31. Two at a time.
    function unmask(address engine, uint256 encoded, uint256 free) private view {
        uint256 left = free + 32;
        uint256 right = left + 128;
        uint256 answer = right + 128;
        // The length of the first message, and each in a block of its own: SHA-384's padding with it.
        store(free, 128);
        prepare(left, encoded + MASKED_BYTES);
        prepare(right, encoded + MASKED_BYTES);
        for (uint256 counter = 0; counter < 10; counter += 2) {
            // The counter's four bytes, and the bit behind the message.
            store(left + 48, (counter << 224) | CLOSING_BIT);
            store(right + 48, ((counter + 1) << 224) | CLOSING_BIT);
            Sha384Pair.ask(engine, free, 288, answer);
            uint256 at = encoded + 48 * counter;
            store(at, word(at) ^ word(answer));
            // The engine's 16 zeros leave alone what follows.
            store(at + 32, word(at + 32) ^ word(answer + 32));
            if (counter == 8) {
                store(at + 48, word(at + 48) ^ (word(answer + 64) & ~uint256(0xff)));
            } else {
                store(at + 48, word(at + 48) ^ word(answer + 64));
                store(at + 80, word(at + 80) ^ word(answer + 96));
            }
        }
    }

    /// The hash, room for 52 bytes' end, and their length in bits.
    function prepare(uint256 to, uint256 hash) private pure {
        copy(to, hash, 48);
        store(to + 80, 0);
        store(to + 96, 8 * 52);
    }

    /// Steps 9 and 10: the unused bit aside, 414 zeros and then 01.
    function isPadded(uint256 encoded) private pure returns (bool) {
        uint256 seen = word(encoded) & ~TOP_BIT;
        for (uint256 at = 32; at < 384; at += 32) {
            seen |= word(encoded + at);
        }
        // The 32 bytes that end with the 01.
        return seen == 0 && word(encoded + ZEROS - 31) == 1;
    }

    function word(uint256 pointer) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(pointer)
        }
    }

    function store(uint256 pointer, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(pointer, value)
        }
    }

    function copy(uint256 to, uint256 from, uint256 length) private pure {
        assembly ("memory-safe") {
            mcopy(to, from, length)
        }
    }
}
