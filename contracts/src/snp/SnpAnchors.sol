// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { RootNotTrusted } from "../chain/ChainRules.sol";
import { UnknownCode } from "../chain/KnownCode.sol";
import { Certificate } from "../der/X509.sol";
import { SnpProduct } from "../evidence/IEvidenceVerifier.sol";
import { Sha256 } from "../hash/Sha256.sol";
import { SnpCertificateReader } from "./SnpCertificateReader.sol";
import { SnpEndorsement } from "./SnpEndorsement.sol";
import { SnpProducts } from "./SnpProducts.sol";

/// No anchors, one of them twice, or one whose common name is not ARK- and a product line.
error AnchorInvalid();

/// A root certificate as it is kept: what every report asks, and where the certificate is read from when it signed one.
struct SnpAnchor {
    SnpProduct product;
    address certificate;
    /// SHA-256 of the signed part.
    bytes32 tbs;
}

/// AMD's roots of this deployment: chosen in the constructor, never changed.
abstract contract SnpAnchors {
    // SHA-256 of AMD's own root certificates (attestations/anchors). Anything else is a simulation.
    bytes32 private constant ARK_MILAN = 0x69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd;
    bytes32 private constant ARK_GENOA = 0x4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1;
    bytes32 private constant ARK_TURIN = 0x1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a;

    /// Returns the code that follows it: PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN.
    bytes32 private constant RETURN_THE_REST = bytes32(hex"61000080600a5f395ff3");

    /// Of the code that the compiler of this repository makes of SnpCertificateReader; a test makes it again.
    bytes32 private constant READER_CODE = 0xd32ab8d1315c5692d48608d3093415a632393e8fac039e5352ebb1262384d0f5;

    SnpCertificateReader public immutable CERTIFICATE_READER;

    /// By SHA-256 of the certificate: a root is trusted for its bytes, whatever they say.
    mapping(bytes32 root => SnpAnchor) private anchors;

    bool internal immutable SIMULATED_ROOTS;

    /// @param certificate where its DER stands as code
    event AnchorPinned(bytes32 indexed root, SnpProduct indexed product, address certificate);

    constructor(SnpCertificateReader reader, bytes[] memory roots) {
        if (address(reader).codehash != READER_CODE) revert UnknownCode(address(reader));
        CERTIFICATE_READER = reader;
        if (roots.length == 0) revert AnchorInvalid();
        bool simulated = false;
        for (uint256 i = 0; i < roots.length; i++) {
            bytes32 root = pin(reader, roots[i]);
            simulated = simulated || (root != ARK_MILAN && root != ARK_GENOA && root != ARK_TURIN);
        }
        SIMULATED_ROOTS = simulated;
    }

    /// All zero for what is no anchor. The certificate's DER stands as code at `certificate`.
    function anchorOf(bytes32 root) external view returns (SnpAnchor memory) {
        return anchors[root];
    }

    function anchorFor(bytes32 root) internal view returns (SnpAnchor memory anchor) {
        anchor = anchors[root];
        if (anchor.product == SnpProduct.None) revert RootNotTrusted();
    }

    function certificateOf(SnpAnchor memory anchor) internal view returns (Certificate memory certificate) {
        bytes memory der = anchor.certificate.code;
        (certificate,) = CERTIFICATE_READER.read(der, startOf(der));
    }

    function startOf(bytes memory data) internal pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := add(data, 0x20)
        }
    }

    function pin(SnpCertificateReader reader, bytes memory der) private returns (bytes32 root) {
        root = sha256(der);
        (Certificate memory certificate,) = reader.read(der, startOf(der));
        SnpProduct product = SnpProducts.namedAfter(certificate.subjectCommonName, "ARK-", 4);
        if (product == SnpProduct.None || anchors[root].product != SnpProduct.None) revert AnchorInvalid();
        anchors[root] = SnpAnchor({ product: product, certificate: keep(der), tbs: Sha256.digest(certificate.tbs) });
        emit AnchorPinned(root, product, anchors[root].certificate);
    }

    /**
     * As code, which costs a tenth of storage to read. Nobody can run it: a certificate starts with 30 82, which are
     * ADDRESS and a DUP3 that finds a stack of one.
     */
    function keep(bytes memory der) private returns (address at) {
        bytes memory code = abi.encodePacked(bytes10(RETURN_THE_REST | bytes32(der.length << 232)), der);
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        if (at == address(0)) revert AnchorInvalid();
    }
}
