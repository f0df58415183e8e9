// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A semantic version without a pre-release part.
struct Version {
    uint32 major;
    uint32 minor;
    uint32 patch;
}

error VersionNumberTooLarge();

library Versions {
    /// A manifest's numbers have at most nine digits.
    uint32 private constant MOST = 999_999_999;

    /// In the order of precedence: the greater word is the later version.
    function pack(Version memory version) internal pure returns (uint96) {
        if (version.major > MOST || version.minor > MOST || version.patch > MOST) revert VersionNumberTooLarge();
        return uint96((uint256(version.major) << 64) | (uint256(version.minor) << 32) | version.patch);
    }

    function unpack(uint96 packed) internal pure returns (Version memory) {
        return Version(uint32(packed >> 64), uint32(packed >> 32), uint32(packed));
    }
}
