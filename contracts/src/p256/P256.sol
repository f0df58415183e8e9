// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A precompile of every chain failed: too little gas.
error P256OutOfGas();

/// The verdict of `P256.verify` as a contract of its own.
interface IP256Fallback {
    function verify(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external view returns (bool);
}

/**
 * ECDSA P-256 (FIPS 186-5, SEC 1 section 4.1.4) as DESIGN section 3 takes it: through the precompile of EIP-7951 and
 * RIP-7212 where the chain has one, in Solidity elsewhere, with one verdict. A high s, a key off the curve and numbers out
 * of range are refused before either is asked. OpenZeppelin's library does the same; its assembly needs solc's Yul
 * optimizer, which the rest of this project does not compile with.
 */
library P256 {
    uint256 private constant P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;
    uint256 private constant N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 private constant HALF_N = N >> 1;
    uint256 private constant B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b;
    uint256 private constant GX = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296;
    uint256 private constant GY = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5;

    /// Jacobian: x / z^2, y / z^3. The point at infinity has z = 0.
    struct Point {
        uint256 x;
        uint256 y;
        uint256 z;
    }

    function verify(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (bool) {
        if (!isSignature(r, s) || !isValidPublicKey(x, y)) return false;
        if (precompiled(hash, r, s, x, y)) return true;
        // The precompile says nothing to a wrong signature, as an address without one does: a right one tells which it
        // is. Wycheproof, ecdsa_secp256r1_sha256_p1363, "small r and s": r = 5, s = 1.
        bool isThere = precompiled(
            0xbb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023,
            bytes32(uint256(5)),
            bytes32(uint256(1)),
            0xa71af64de5126a4a4e02b7922d66ce9415ce88a4c9d25514d91082c8725ac957,
            0x5d47723c8fbe580bb369fec9c2665d8e30a435b9932645482e7c9f11e872296b
        );
        return isThere ? false : verifyHere(hash, r, s, x, y);
    }

    /// For contracts that have no room for all of it: what the precompile does not say yes to is asked of another one.
    function verify(IP256Fallback elsewhere, bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y)
        internal
        view
        returns (bool)
    {
        if (!isSignature(r, s) || !isValidPublicKey(x, y)) return false;
        return precompiled(hash, r, s, x, y) || elsewhere.verify(hash, r, s, x, y);
    }

    /// Both numbers in range, s in the lower half, so that a signature has one spelling.
    function isSignature(bytes32 r, bytes32 s) private pure returns (bool) {
        return r != 0 && uint256(r) < N && s != 0 && uint256(s) <= HALF_N;
    }

    /// A point of the curve y^2 = x^3 - 3x + b, which has prime order: every such point but infinity is a key.
    function isValidPublicKey(bytes32 x, bytes32 y) internal pure returns (bool) {
        (uint256 qx, uint256 qy) = (uint256(x), uint256(y));
        if (qx >= P || qy >= P) return false;
        uint256 right = addmod(mulmod(addmod(mulmod(qx, qx, P), P - 3, P), qx, P), B, P);
        return mulmod(qy, qy, P) == right;
    }

    function precompiled(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) private view returns (bool valid) {
        bool answered;
        assembly ("memory-safe") {
            // Behind all allocated memory, and forgotten afterwards.
            let input := mload(0x40)
            mstore(input, hash)
            mstore(add(input, 0x20), r)
            mstore(add(input, 0x40), s)
            mstore(add(input, 0x60), x)
            mstore(add(input, 0x80), y)
            // An address without code succeeds and leaves this word as it is.
            mstore(0x00, 0)
            answered := staticcall(gas(), 0x100, input, 0xa0, 0x00, 0x20)
            valid := eq(mload(0x00), 1)
        }
        // The precompile fails for lack of gas only, which must not pass for a wrong signature.
        if (!answered) revert P256OutOfGas();
    }

    /// The same without the precompile. SEC 1 section 4.1.4: u1 G + u2 Q has an x that is r modulo n.
    function verifyHere(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (bool) {
        if (!isSignature(r, s) || !isValidPublicKey(x, y)) return false;
        uint256 w = inverse(uint256(s));
        uint256 u1 = mulmod(uint256(hash), w, N);
        uint256 u2 = mulmod(uint256(r), w, N);
        Point memory sum = combine(table(uint256(x), uint256(y)), u1, u2);
        if (sum.z == 0) return false;
        // X / Z^2 = r or r + n, both below p, without dividing.
        uint256 zz = mulmod(sum.z, sum.z, P);
        if (sum.x == mulmod(uint256(r), zz, P)) return true;
        return uint256(r) < P - N && sum.x == mulmod(uint256(r) + N, zz, P);
    }

    /// Fermat's, through EIP-198.
    function inverse(uint256 s) private view returns (uint256 w) {
        bytes memory input = abi.encode(32, 32, 32, s, N - 2, N);
        bool answered;
        assembly ("memory-safe") {
            answered := staticcall(gas(), 0x05, add(input, 0x20), mload(input), 0x00, 0x20)
            w := mload(0x00)
        }
        if (!answered) revert P256OutOfGas();
    }

    /// i G + j Q stands at 4 i + j, each from 0 to 3.
    function table(uint256 x, uint256 y) private pure returns (Point[16] memory points) {
        points[1] = Point(x, y, 1);
        points[4] = Point(GX, GY, 1);
        for (uint256 i = 0; i < 16; i += 4) {
            if (i > 4) points[i] = plus(points[i - 4], points[4]);
            for (uint256 j = 1; j < 4; j++) {
                if (i + j > 1) points[i + j] = plus(points[i + j - 1], points[1]);
            }
        }
    }

    /// Straus: both scalars two bits at a time, from the top.
    function combine(Point[16] memory points, uint256 u1, uint256 u2) private pure returns (Point memory sum) {
        for (uint256 i = 0; i < 128; i++) {
            sum = twice(twice(sum));
            uint256 place = ((u1 >> 252) & 12) | (u2 >> 254);
            if (place != 0) sum = plus(sum, points[place]);
            u1 <<= 2;
            u2 <<= 2;
        }
    }

    /// For all pairs of points: infinity, equal ones and opposite ones included.
    function plus(Point memory a, Point memory b) private pure returns (Point memory sum) {
        if (a.z == 0) return b;
        if (b.z == 0) return a;
        (uint256 u, uint256 s) = scaled(a, b.z);
        (uint256 h, uint256 r) = scaled(b, a.z);
        h = addmod(h, P - u, P);
        r = addmod(r, P - s, P);
        if (h == 0 && r == 0) return twice(a);
        // Opposite points have h = 0 and r != 0, so that z becomes 0.
        sum.z = mulmod(h, mulmod(a.z, b.z, P), P);
        // x = r^2 - h^3 - 2 u h^2, y = r (u h^2 - x) - s h^3.
        uint256 hh = mulmod(h, h, P);
        u = mulmod(u, hh, P);
        h = mulmod(h, hh, P);
        sum.x = addmod(mulmod(r, r, P), P - addmod(h, addmod(u, u, P), P), P);
        sum.y = addmod(mulmod(r, addmod(u, P - sum.x, P), P), P - mulmod(s, h, P), P);
    }

    /// x z^2 and y z^3.
    function scaled(Point memory a, uint256 z) private pure returns (uint256, uint256) {
        uint256 zz = mulmod(z, z, P);
        return (mulmod(a.x, zz, P), mulmod(a.y, mulmod(zz, z, P), P));
    }

    /// With a = -3: m = 3 (x - z^2)(x + z^2), x' = m^2 - 2 t, y' = m (t - x') - 8 y^4, where t = 4 x y^2. No point has
    /// y = 0, because the order is odd.
    function twice(Point memory a) private pure returns (Point memory) {
        if (a.z == 0) return a;
        uint256 zz = mulmod(a.z, a.z, P);
        uint256 yy = mulmod(a.y, a.y, P);
        uint256 t = mulmod(4, mulmod(a.x, yy, P), P);
        uint256 m = mulmod(3, mulmod(addmod(a.x, P - zz, P), addmod(a.x, zz, P), P), P);
        uint256 x = addmod(mulmod(m, m, P), P - addmod(t, t, P), P);
        uint256 y = addmod(mulmod(m, addmod(t, P - x, P), P), P - mulmod(8, mulmod(yy, yy, P), P), P);
        return Point(x, y, mulmod(2, mulmod(a.y, a.z, P), P));
    }
}
