// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CertificateSignature, ChainProfile, ChainRules, RootNotTrusted } from "../chain/ChainRules.sol";
import { KnownCode } from "../chain/KnownCode.sol";
import { CoseSign1, CoseSign1Reader } from "../cose/CoseSign1.sol";
import { refuse } from "../der/Refuse.sol";
import { Slice, Slices } from "../der/Slice.sol";
import { SliceSha256 } from "../der/SliceSha256.sol";
import { Algorithm, Certificate, CertificateAlgorithmMismatch, KeyKind, Profile, X509 } from "../der/X509.sol";
import { X509Keys } from "../der/X509Keys.sol";
import { Evidence, IEvidenceVerifier } from "../evidence/IEvidenceVerifier.sol";
import { Sha384 } from "../hash/Sha384.sol";
import { CertificateRecord } from "./CertificateRecord.sol";
import { Hints } from "./Hints.sol";
import { NitroDocument, NitroDocumentReader } from "./NitroDocument.sol";
import { NitroFacts } from "./NitroFacts.sol";
import { NitroOutput } from "./NitroOutput.sol";
import { NitroRules } from "./NitroRules.sol";
import { P384Call } from "./P384Call.sol";

error DocumentTooLarge();
error DocumentSignature();

/**
 * AWS Nitro attestation documents, proven by plain Solidity: every rule of the TypeScript verifier under its default
 * policy, with the same names for what goes wrong (verifier/errors.ts), at `block.timestamp`. Nobody owns it, and
 * nothing about it can change but the list of certificates that it has seen proven.
 *
 * Not decided here: which image is good, how old a document may be (`issuedAt` says when it was made), whether a
 * challenge was fresh, and revocation, which AWS does not publish.
 */
contract NitroVerifier is IEvidenceVerifier {
    using SliceSha256 for Slice;

    /// attestations/anchors/aws-nitro-enclaves-g1.json
    bytes32 private constant AWS_ROOT = 0x641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b;
    /// SEQUENCE { OID ecdsa-with-SHA384 }
    bytes32 private constant ECDSA_SHA384 = bytes32(hex"300a06082a8648ce3d040303");
    uint256 private constant DOCUMENT_BYTES = 18_432;

    /// SHA-256 of the one certificate that every chain begins with.
    bytes32 public immutable ROOT;
    bool public immutable SIMULATED;
    address public immutable SHA384_ENGINE;
    address public immutable P384_VERIFIER;
    bytes32 private immutable ROOT_TBS;
    uint256 private immutable ROOT_RECORD;

    /**
     * What was verified before, by `certificateId`: a certificate's signature and every rule that asks about it alone or
     * about its place under the certificate above it. An entry is true for ever, and says nothing about time or about
     * the certificates above, which are asked again on every use.
     */
    mapping(bytes32 id => uint256 record) public certificateRecord;

    event CertificateLearned(bytes32 indexed id, bytes32 indexed parent, bytes32 tbsSha256, uint256 record);

    /// What is known of a document while it is looked at.
    struct Work {
        NitroDocument document;
        CoseSign1 cose;
        Certificate[] chain;
        bytes32[] tbsSha256;
        bytes32[] ids;
        /// How many certificates need no proof: the root, and those below it that were seen before.
        uint256 known;
        bool rootIsTrusted;
    }

    constructor(address sha384Engine, address p384Verifier, bytes memory rootCertificate) {
        KnownCode.checkSha384Engine(sha384Engine);
        KnownCode.checkP384Verifier(p384Verifier);
        SHA384_ENGINE = sha384Engine;
        P384_VERIFIER = p384Verifier;
        Certificate memory root = X509.parse(Slices.ofBytes(rootCertificate), Profile(false, false));
        ChainRules.checkRoot(root, chainProfile());
        ROOT = sha256(rootCertificate);
        SIMULATED = ROOT != AWS_ROOT;
        ROOT_TBS = root.tbs.sha256Hash();
        ROOT_RECORD = CertificateRecord.pack(root, false);
    }

    /// @inheritdoc IEvidenceVerifier
    /// @dev `evidence` is the document as the NSM made it. user_data and nonce must have 32 bytes each.
    function verify(bytes calldata evidence, bytes calldata hints) external returns (Evidence memory) {
        Work memory work = prove(evidence, hints);
        learn(work, work.chain.length - 1);
        return NitroOutput.evidence(work.document, work.chain, work.tbsSha256, SIMULATED);
    }

    /// The same for documents that bind anything else: without a word on what user_data and nonce should be.
    function verifyDocument(bytes calldata document, bytes calldata hints) external returns (NitroFacts memory facts) {
        Work memory work = prove(document, hints);
        learn(work, work.chain.length - 1);
        facts = NitroOutput.facts(work.document, work.chain, work.tbsSha256);
        facts.simulated = SIMULATED;
        facts.documentId = CoseSign1Reader.signedInFreeMemory(work.cose.payload).sha256Hash();
    }

    /// The same, and remembers the leaf as well, which pays where one enclave is verified again within its three hours.
    function remember(bytes calldata document, bytes calldata hints) external {
        Work memory work = prove(document, hints);
        learn(work, work.chain.length);
    }

    /// The name of a certificate under the one above it; the root's name is `ROOT`.
    function certificateId(bytes32 parent, bytes32 tbsSha256) public pure returns (bytes32 id) {
        assembly ("memory-safe") {
            mstore(0x00, parent)
            mstore(0x20, tbsSha256)
            id := keccak256(0x00, 0x40)
        }
    }

    /// How many of these certificates, the one below the root first and the leaf last, need no hints.
    function knownCertificates(bytes32[] calldata tbsSha256) external view returns (uint256 count) {
        bytes32 id = ROOT;
        for (; count < tbsSha256.length; count++) {
            id = certificateId(id, tbsSha256[count]);
            if (certificateRecord[id] == 0) break;
        }
    }

    /// Everything that is asked of a document, the cheap questions first and signatures last.
    function prove(bytes calldata document, bytes calldata hints) private view returns (Work memory work) {
        if (document.length == 0 || document.length > DOCUMENT_BYTES) refuse(uint32(DocumentTooLarge.selector));
        bytes memory copy = document;
        work.cose = CoseSign1Reader.read(Slices.ofBytes(copy));
        work.document = NitroDocumentReader.read(work.cose.payload);
        readCertificates(work);
        if (!work.rootIsTrusted) refuse(uint32(RootNotTrusted.selector));
        ChainRules.check(work.chain, chainProfile(), int64(uint64(block.timestamp)));
        checkSignatures(work, hints);
        uint256 last = work.chain.length - 1;
        NitroRules.check(work.document, work.chain[last], work.chain[last - 1], block.timestamp);
    }

    /// Those seen before from their records, and the rest from their bytes: below an unknown one all are unknown.
    function readCertificates(Work memory work) private view {
        Slice[] memory inputs = work.document.certificates;
        uint256 count = inputs.length;
        work.chain = new Certificate[](count);
        work.tbsSha256 = new bytes32[](count);
        work.ids = new bytes32[](count);
        work.rootIsTrusted = inputs[0].sha256Hash() == ROOT;
        bool knows = work.rootIsTrusted;
        for (uint256 i = 0; i < count; i++) {
            if (knows) knows = recall(work, i, inputs[i]);
            if (knows) {
                work.known = i + 1;
                continue;
            }
            work.chain[i] = X509.parse(inputs[i], Profile(false, false));
            work.tbsSha256[i] = work.chain[i].tbs.sha256Hash();
            if (i != 0) work.ids[i] = certificateId(work.ids[i - 1], work.tbsSha256[i]);
        }
    }

    function recall(Work memory work, uint256 i, Slice input) private view returns (bool) {
        (Slice tbs,, Slice algorithm, Slice signature) = X509.unwrap(input);
        bytes32 tbsSha256;
        uint256 record;
        if (i == 0) {
            (work.ids[0], work.tbsSha256[0]) = (ROOT, ROOT_TBS);
            work.chain[0] = CertificateRecord.unpackRoot(ROOT_RECORD, tbs);
            return true;
        }
        tbsSha256 = tbs.sha256Hash();
        bytes32 id = certificateId(work.ids[i - 1], tbsSha256);
        record = certificateRecord[id];
        bool last = i + 1 == work.chain.length;
        if (record == 0 || CertificateRecord.isLeaf(record) != last) return false;
        // Around what was signed stands nothing that anybody signed; it is still read as strictly as the first time.
        if (!algorithm.isExactly(ECDSA_SHA384, 12)) refuse(uint32(CertificateAlgorithmMismatch.selector));
        X509Keys.signatureOf(Algorithm.EcdsaWithSha384, signature);
        work.tbsSha256[i] = tbsSha256;
        work.ids[i] = id;
        work.chain[i] = CertificateRecord.unpack(record, tbs, work.chain[i - 1]);
        return true;
    }

    function checkSignatures(Work memory work, bytes calldata hints) private view {
        uint256 at = 0;
        bytes calldata hint;
        uint256 count = work.chain.length;
        for (uint256 i = 1; i < count; i++) {
            (hint, at) = Hints.next(hints, at);
            // A hint for a certificate that somebody has proven meanwhile is no reason to fail.
            if (i < work.known) continue;
            Certificate memory certificate = work.chain[i];
            if (!isSigned(certificate, work.chain[i - 1].key, hint)) refuse(uint32(CertificateSignature.selector));
        }
        (hint, at) = Hints.next(hints, at);
        Hints.end(hints, at);
        if (!isDocumentSigned(work.cose, work.chain[count - 1].key, hint)) refuse(uint32(DocumentSignature.selector));
    }

    function isSigned(Certificate memory certificate, Slice key, bytes calldata hint) private view returns (bool) {
        Slice tbs = certificate.tbs;
        (uint256 first, uint256 last) = Sha384.words(SHA384_ENGINE, tbs.pointer(), tbs.length());
        uint256 place = P384Call.begin(first, last, key);
        (uint256 rFirst, uint256 rLast, uint256 sFirst, uint256 sLast) = X509Keys.ecdsaSignature(certificate.signature);
        assembly ("memory-safe") {
            // 16 bytes each overwrite the zeros behind the 16 bytes before them; the key's first bytes come last.
            let keyStart := mload(add(place, 96))
            mstore(place, rFirst)
            mstore(add(place, 32), shl(128, rLast))
            mstore(add(place, 48), sFirst)
            mstore(add(place, 80), shl(128, sLast))
            mstore(add(place, 96), keyStart)
        }
        return P384Call.isProven(P384_VERIFIER, hint);
    }

    function isDocumentSigned(CoseSign1 memory cose, Slice key, bytes calldata hint) private view returns (bool) {
        Slice signed = CoseSign1Reader.signedInFreeMemory(cose.payload);
        (uint256 first, uint256 last) = Sha384.words(SHA384_ENGINE, signed.pointer(), signed.length());
        uint256 place = P384Call.begin(first, last, key);
        uint256 from = cose.signature.pointer();
        assembly ("memory-safe") {
            mcopy(place, from, 96)
        }
        return P384Call.isProven(P384_VERIFIER, hint);
    }

    /// Remembers certificates up to `end`, which is at least the place of the leaf: a leaf only where that was asked for.
    function learn(Work memory work, uint256 end) private {
        uint256 leaf = work.chain.length - 1;
        for (uint256 i = work.known; i < end; i++) {
            bytes32 id = work.ids[i];
            uint256 record = CertificateRecord.pack(work.chain[i], i == leaf);
            certificateRecord[id] = record;
            emit CertificateLearned(id, work.ids[i - 1], work.tbsSha256[i], record);
        }
    }

    function chainProfile() private pure returns (ChainProfile memory) {
        return ChainProfile(Algorithm.EcdsaWithSha384, KeyKind.P384, KeyKind.P384, false);
    }
}
