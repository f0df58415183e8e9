// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { P256 } from "../p256/P256.sol";
import { Version, Versions } from "./ReleaseVersion.sol";

bytes32 constant RELEASE_TAG = "proofmark release v1";
bytes32 constant LISTING_TAG = "proofmark listing v1";
bytes32 constant STATUS_TAG = "proofmark status v1";

enum ReleaseStatus {
    Active,
    Deprecated,
    Yanked
}

/// An owner of releases is a P-256 key (DESIGN section 7), no account.
struct ReleaseKey {
    bytes32 x;
    bytes32 y;
}

struct Signature {
    bytes32 r;
    bytes32 s;
}

struct Release {
    /// SHA-256 of the manifest; zero where nothing was listed.
    bytes32 modelId;
    bytes32 nameHash;
    Version version;
    uint48 listedAt;
    ReleaseStatus status;
    /// Of the statement that says so; zero before the first.
    uint64 sequence;
}

/**
 * Which manifests an owner's key has released under which name and version. Append-only: what was listed stays, and only
 * its status changes. No owner of the registry; anyone may submit, because signatures are the authority.
 *
 * No manifest is read here, though its hash covers its name and version. The owner's signature over the manifest's hash
 * therefore does not say where it belongs: a stranger could submit a signed release under the place of another version,
 * for ever. So a listing carries a second signature, over name, version and hash together, for this chain and registry;
 * a listing on a test network cannot be repeated where it was not meant. An owner who lists another name or version than
 * its manifest has lied under its own name: whoever reads the manifest sees it.
 *
 * Everything is kept by owner: a signature of another key over the same hash makes an entry of that key and no other.
 */
contract ModelRegistry {
    struct Listing {
        bytes32 nameHash;
        uint96 version;
        uint48 listedAt;
    }

    struct Standing {
        ReleaseStatus status;
        uint64 sequence;
    }

    uint256 private constant LONGEST_NAME = 64;

    mapping(bytes32 owner => mapping(bytes32 nameHash => mapping(uint96 version => bytes32 modelId))) private places;
    mapping(bytes32 owner => mapping(bytes32 nameHash => uint96[])) private versions;
    mapping(bytes32 owner => mapping(bytes32 nameHash => uint96)) private latest;
    mapping(bytes32 owner => mapping(bytes32 modelId => Listing)) private listings;
    mapping(bytes32 owner => mapping(bytes32 modelId => Standing)) private standings;

    event ReleaseListed(
        bytes32 indexed owner,
        bytes32 indexed modelId,
        bytes32 indexed nameHash,
        ReleaseKey key,
        string name,
        Version version,
        uint48 listedAt
    );

    event ReleaseStatusStated(
        bytes32 indexed owner, bytes32 indexed modelId, ReleaseKey key, ReleaseStatus status, uint64 sequence
    );

    error NameInvalid();
    error ModelIdInvalid();
    error VersionTaken();
    error ReleaseListedBefore();
    error ReleaseNotSigned();
    error ListingNotSigned();
    error StatusNotSigned();
    error SequenceNotGreater();

    /// @param release over "proofmark release v1" || modelId: this manifest is mine
    /// @param listing over "proofmark listing v1" || chain || registry || modelId || SHA-256(name) || major || minor || patch
    function list(
        ReleaseKey calldata key,
        string calldata name,
        Version calldata version,
        bytes32 modelId,
        Signature calldata release,
        Signature calldata listing
    ) external {
        requireName(bytes(name));
        // Nothing hashes to zero, which stands for nothing below.
        if (modelId == 0) revert ModelIdInvalid();
        bytes32 owner = ownerOf(key);
        bytes32 nameHash = sha256(bytes(name));
        uint96 packed = Versions.pack(version);
        if (places[owner][nameHash][packed] != 0) revert VersionTaken();
        if (listings[owner][modelId].listedAt != 0) revert ReleaseListedBefore();
        if (!isSigned(key, sha256(abi.encode(RELEASE_TAG, modelId)), release)) revert ReleaseNotSigned();
        if (!isSigned(key, listingDigest(modelId, nameHash, version), listing)) revert ListingNotSigned();

        places[owner][nameHash][packed] = modelId;
        listings[owner][modelId] = Listing(nameHash, packed, uint48(block.timestamp));
        versions[owner][nameHash].push(packed);
        // The first one may be 0.0.0, which is not greater than nothing and is the latest all the same.
        if (packed > latest[owner][nameHash]) latest[owner][nameHash] = packed;
        emit ReleaseListed(owner, modelId, nameHash, key, name, version, uint48(block.timestamp));
    }

    /// Also of a release that nobody has listed yet: one that was yanked beforehand is listed as yanked.
    /// @param signature over "proofmark status v1" || modelId || status || sequence, on every chain alike
    function stateStatus(
        ReleaseKey calldata key,
        bytes32 modelId,
        ReleaseStatus status,
        uint64 sequence,
        Signature calldata signature
    ) external {
        bytes32 owner = ownerOf(key);
        // Sequences begin with one. An old statement cannot be repeated over a newer one, nor two with one number.
        if (sequence <= standings[owner][modelId].sequence) revert SequenceNotGreater();
        if (!isSigned(key, sha256(abi.encode(STATUS_TAG, modelId, status, sequence)), signature)) {
            revert StatusNotSigned();
        }
        standings[owner][modelId] = Standing(status, sequence);
        emit ReleaseStatusStated(owner, modelId, key, status, sequence);
    }

    /// The name under which an owner's releases are kept: SHA-256(x || y).
    function ownerOf(ReleaseKey calldata key) public pure returns (bytes32) {
        return sha256(abi.encode(key.x, key.y));
    }

    /// Zero where nothing is listed there.
    function modelIdOf(bytes32 owner, string calldata name, Version calldata version) external view returns (bytes32) {
        return places[owner][sha256(bytes(name))][Versions.pack(version)];
    }

    /// What this owner says of the model; a status may stand before a listing.
    function releaseOf(bytes32 owner, bytes32 modelId) public view returns (Release memory found) {
        Listing memory listing = listings[owner][modelId];
        Standing memory standing = standings[owner][modelId];
        found.status = standing.status;
        found.sequence = standing.sequence;
        if (listing.listedAt == 0) return found;
        found.modelId = modelId;
        found.nameHash = listing.nameHash;
        found.version = Versions.unpack(listing.version);
        found.listedAt = listing.listedAt;
    }

    /// Of the greatest version, whatever its status, which it says; all zero where the name has none.
    function latestOf(bytes32 owner, string calldata name) external view returns (Release memory found) {
        bytes32 nameHash = sha256(bytes(name));
        bytes32 modelId = places[owner][nameHash][latest[owner][nameHash]];
        if (modelId != 0) return releaseOf(owner, modelId);
    }

    function versionCount(bytes32 owner, string calldata name) external view returns (uint256) {
        return versions[owner][sha256(bytes(name))].length;
    }

    /// In the order in which they were listed, from `start` on, at most `count`.
    function releasesOf(bytes32 owner, string calldata name, uint256 start, uint256 count)
        external
        view
        returns (Release[] memory found)
    {
        bytes32 nameHash = sha256(bytes(name));
        uint96[] storage all = versions[owner][nameHash];
        if (start >= all.length) return found;
        uint256 left = all.length - start;
        found = new Release[](count < left ? count : left);
        for (uint256 i = 0; i < found.length; i++) {
            found[i] = releaseOf(owner, places[owner][nameHash][all[start + i]]);
        }
    }

    function listingDigest(bytes32 modelId, bytes32 nameHash, Version calldata version) private view returns (bytes32) {
        return sha256(
            abi.encode(
                LISTING_TAG,
                block.chainid,
                address(this),
                modelId,
                nameHash,
                version.major,
                version.minor,
                version.patch
            )
        );
    }

    function isSigned(ReleaseKey calldata key, bytes32 digest, Signature calldata signature)
        private
        view
        returns (bool)
    {
        return P256.verify(digest, signature.r, signature.s, key.x, key.y);
    }

    /// As a manifest's name has to be: 1 to 64 of a-z, 0-9 and hyphens, which begin and end nothing. A name that no
    /// manifest can have would be a listing of nothing.
    function requireName(bytes calldata name) private pure {
        if (name.length == 0 || name.length > LONGEST_NAME) revert NameInvalid();
        for (uint256 i = 0; i < name.length; i++) {
            bytes1 letter = name[i];
            bool inside = i > 0 && i + 1 < name.length;
            bool allowed = (letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9");
            if (!allowed && !(letter == "-" && inside)) revert NameInvalid();
        }
    }
}
