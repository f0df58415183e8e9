// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// FIPS 180-4 as it is printed, a word at a time and slow: the other opinion in fuzz tests, never part of a product.
library NaiveSha384 {
    /// The eighty round constants in a row, so that a test can give them in one piece.
    function digest(bytes memory message, bytes memory constants, uint64[8] memory state)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory padded = pad(message);
        for (uint256 at = 0; at < padded.length; at += 128) {
            compress(state, padded, at, constants);
        }
        return abi.encodePacked(state[0], state[1], state[2], state[3], state[4], state[5]);
    }

    function pad(bytes memory message) private pure returns (bytes memory) {
        uint256 zeros = (239 - (message.length % 128)) % 128;
        return abi.encodePacked(message, uint8(0x80), new bytes(zeros), uint128(8 * message.length));
    }

    function compress(uint64[8] memory state, bytes memory padded, uint256 at, bytes memory constants) private pure {
        uint64[80] memory w;
        for (uint256 t = 0; t < 16; t++) {
            w[t] = word(padded, at + 8 * t);
        }
        for (uint256 t = 16; t < 80; t++) {
            uint64 s0 = rotated(w[t - 15], 1) ^ rotated(w[t - 15], 8) ^ (w[t - 15] >> 7);
            uint64 s1 = rotated(w[t - 2], 19) ^ rotated(w[t - 2], 61) ^ (w[t - 2] >> 6);
            w[t] = sum(sum(s1, w[t - 7]), sum(s0, w[t - 16]));
        }
        uint64[8] memory v;
        for (uint256 i = 0; i < 8; i++) {
            v[i] = state[i];
        }
        for (uint256 t = 0; t < 80; t++) {
            uint64 s1 = rotated(v[4], 14) ^ rotated(v[4], 18) ^ rotated(v[4], 41);
            uint64 t1 = sum(sum(v[7], s1), (v[4] & v[5]) ^ (~v[4] & v[6]));
            t1 = sum(t1, sum(word(constants, 8 * t), w[t]));
            uint64 s0 = rotated(v[0], 28) ^ rotated(v[0], 34) ^ rotated(v[0], 39);
            uint64 t2 = sum(s0, (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            for (uint256 i = 7; i > 0; i--) {
                v[i] = v[i - 1];
            }
            v[4] = sum(v[4], t1);
            v[0] = sum(t1, t2);
        }
        for (uint256 i = 0; i < 8; i++) {
            state[i] = sum(state[i], v[i]);
        }
    }

    function word(bytes memory source, uint256 at) private pure returns (uint64 value) {
        for (uint256 i = 0; i < 8; i++) {
            value = (value << 8) | uint64(uint8(source[at + i]));
        }
    }

    function rotated(uint64 x, uint8 by) private pure returns (uint64) {
        return (x >> by) | (x << (64 - by));
    }

    function sum(uint64 x, uint64 y) private pure returns (uint64) {
        return uint64((uint256(x) + y) & type(uint64).max);
    }
}
