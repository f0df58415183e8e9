"""Every published wire vector: messages that Proofmark's parties sign, hash and seal, with their fields and bytes."""

from __future__ import annotations

import unittest

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from proofmark_check import authorisations, cbor, noise, strict_json
from proofmark_check.dates import CHALLENGE_LAYOUT, CHALLENGE_TAG, HEAD_LAYOUT, HEAD_TAG, decode_cosigned
from proofmark_check.encoding import Layout, encode_words, from_hex, sha256, tag_word
from proofmark_check.errors import Malformed
from proofmark_check.identity import LAYOUT as IDENTITY
from proofmark_check.identity import decode_identity, encode_identity, extended_register, image_id, log_of
from proofmark_check.integers import IntegerTensor, decode_integers, encode_integers
from proofmark_check.receipt import LAYOUT as RECEIPT
from proofmark_check.receipt import decode_bundle, decode_head, decode_receipt, leaf_hash
from proofmark_check.release import (
    ReleaseFacts,
    decode_manifest,
    release_message,
    status_message,
    verify_status,
)
from proofmark_check.request import LAYOUT as REQUEST
from proofmark_check.request import api_seed, decode_header, encode_header, request_hash, response_hash
from proofmark_check.session import _final as decode_final_record
from proofmark_check.signatures import P256_ORDER, verify_p256
from proofmark_check.statements import (
    decode_configuration,
    decode_execution,
    decode_runtime,
    encode_configuration,
)
from proofmark_check.tree import verify_inclusion

from .vectors import wire, words


class Identity(unittest.TestCase):
    def test_words_log_images_and_register(self) -> None:
        vector = wire("identity")
        encoded = encode_identity(words(IDENTITY, vector["fields"]))
        self.assertEqual(encoded.hex(), vector["words"])
        self.assertEqual(encode_identity(decode_identity(encoded)), encoded)
        self.assertEqual(log_of(encoded).hex(), vector["log"])
        self.assertEqual(extended_register(from_hex(vector["fields"]["config"])).hex(), vector["pcr16"])
        for image in vector["images"]:
            measurements = [from_hex(each) for each in image["measurements"]]
            self.assertEqual(image_id(image["tee"], measurements).hex(), image["imageId"])


class Statements(unittest.TestCase):
    def test_configuration_runtime_and_executions(self) -> None:
        vector = wire("statements")
        configuration = from_hex(vector["configuration"]["cbor"])
        self.assertEqual(encode_configuration(decode_configuration(configuration)), configuration)
        self.assertEqual(sha256(configuration).hex(), vector["configuration"]["sha256"])
        self.assertEqual(decode_runtime(from_hex(vector["runtime"]["cbor"])), vector["runtime"]["value"])
        for execution in vector["executions"]:
            data = from_hex(execution["cbor"])
            self.assertEqual(decode_execution(data), execution["value"])
            self.assertEqual(cbor.encode(execution["value"]), data)
            self.assertEqual(sha256(data).hex(), execution["sha256"])

    def test_manifest_is_canonical_and_signed_by_its_owner(self) -> None:
        vector = wire("statements")["manifest"]
        data = vector["utf8"].encode("utf-8")
        self.assertEqual(strict_json.canonical(strict_json.parse(data, 10_000)), data)
        self.assertEqual(decode_manifest(data)["owner"], from_hex(vector["key"]["publicKey"])[1:])
        self.assertEqual(sha256(data).hex(), vector["modelId"])
        message = release_message(sha256(data))
        self.assertEqual(message.hex(), vector["signedMessage"])
        self.assertTrue(verify_p256(from_hex(vector["key"]["publicKey"]), message, from_hex(vector["signature"])))


class Request(unittest.TestCase):
    def test_header_request_and_response(self) -> None:
        vector = wire("request")
        header = encode_header(words(REQUEST, vector["header"]["fields"]))
        self.assertEqual(header.hex(), vector["header"]["words"])
        self.assertEqual(encode_header(decode_header(header)), header)
        body = from_hex(vector["body"]["hex"])
        self.assertEqual(request_hash(header, sha256(body)).hex(), vector["requestHash"])
        self.assertEqual((b"\x00" + header + body).hex(), vector["sealedRequest"])
        said = vector["response"]["fields"]
        numbers = [int(said[name]) for name in ("status", "format", "jsonLength")]
        self.assertEqual(sha256(from_hex(vector["response"]["hex"])).hex(), said["bodyHash"])
        found = response_hash(from_hex(said["salt"]), numbers[0], numbers[1], numbers[2], from_hex(said["bodyHash"]))
        self.assertEqual(found.hex(), vector["response"]["responseHash"])


class Receipt(unittest.TestCase):
    def test_words_leaves_and_inclusion(self) -> None:
        vector = wire("receipt")
        head = vector["head"]
        self.assertEqual(decode_head(from_hex(head["words"]))["size"], head["size"])
        for index, receipt in enumerate(vector["receipts"]):
            encoded = encode_words(RECEIPT, words(RECEIPT, receipt["fields"]))
            self.assertEqual(encoded.hex(), receipt["words"])
            self.assertEqual(encode_words(RECEIPT, decode_receipt(encoded)), encoded)
            self.assertEqual(leaf_hash(encoded).hex(), receipt["leafHash"])
            proof = [from_hex(each) for each in receipt["inclusionProof"]]
            root = from_hex(head["root"])
            self.assertTrue(verify_inclusion(leaf_hash(encoded), index, head["size"], proof, root))
            for wrong in (index + 1, head["size"]):
                self.assertFalse(verify_inclusion(leaf_hash(encoded), wrong, head["size"], proof, root))
            self.assertFalse(verify_inclusion(leaf_hash(encoded), index, head["size"], [*proof, root], root))

    def test_head_is_signed_with_a_low_s(self) -> None:
        vector = wire("receipt")
        point, head = from_hex(vector["key"]["publicKey"]), from_hex(vector["head"]["words"])
        signature = from_hex(vector["signature"])
        self.assertTrue(verify_p256(point, head, signature))
        high = P256_ORDER - int.from_bytes(signature[32:], "big")
        self.assertFalse(verify_p256(point, head, signature[:32] + high.to_bytes(32, "big")))

    def test_bundle_and_final_record(self) -> None:
        vector = wire("receipt")
        bundle = decode_bundle(from_hex(vector["bundle"]["cbor"]))
        self.assertEqual(bundle.receipt.hex(), vector["receipts"][vector["bundle"]["ofLeaf"]]["words"])
        self.assertEqual(bundle.signature.hex(), vector["signature"])
        found, answer = decode_final_record(from_hex(vector["finalRecord"]))
        self.assertEqual(found, bundle)
        self.assertEqual(answer.json_length, 151)


class Authorisations(unittest.TestCase):
    def check(self, name: str, layout: Layout, signer: str | None) -> None:
        vector = wire("authorisations")
        entry = vector[name]
        fields = dict(entry.get("fields", entry))
        if name == "listing":
            fields |= dict(zip(("major", "minor", "patch"), fields["version"].split(".")))
        if name == "register":
            fields["challenge"] = vector["challenge"]["value"]
        tag = {"challenge": "challenge", "issuedChallenge": "issued"}.get(name, name)
        message = authorisations.message(f"proofmark {tag} v1", layout, words(layout, fields))
        hashed = {"id", "value", "userData"} & set(entry)
        if hashed:
            self.assertEqual(sha256(message).hex(), entry[hashed.pop()])
        else:
            self.assertEqual(message.hex(), entry["message"])
        if signer is not None:
            point = from_hex(vector["keys"][signer]["publicKey"])
            self.assertTrue(verify_p256(point, message, from_hex(entry["signature"])))

    def test_channel(self) -> None:
        self.check("channel", authorisations.CHANNEL, None)

    def test_voucher(self) -> None:
        self.check("voucher", authorisations.VOUCHER, "session")

    def test_challenge_of_a_block(self) -> None:
        self.check("challenge", authorisations.BLOCK_CHALLENGE, None)

    def test_challenge_of_a_registry(self) -> None:
        self.check("issuedChallenge", authorisations.ISSUED_CHALLENGE, None)

    def test_register(self) -> None:
        self.check("register", authorisations.REGISTER, "signer")

    def test_revoke(self) -> None:
        self.check("revoke", authorisations.REVOKE, "signer")

    def test_listing(self) -> None:
        self.check("listing", authorisations.LISTING, "owner")

    def test_escrow(self) -> None:
        self.check("escrow", authorisations.ESCROW, None)

    def test_kms(self) -> None:
        self.check("kms", authorisations.KMS, None)

    def test_session_of_a_channel(self) -> None:
        vector = wire("authorisations")
        message = noise.session_message(from_hex(vector["session"]["handshakeHash"]))
        self.assertEqual(message.hex(), vector["session"]["message"])
        point = from_hex(vector["keys"]["session"]["publicKey"])
        self.assertTrue(verify_p256(point, message, from_hex(vector["session"]["signature"])))

    def test_release_and_statuses(self) -> None:
        vector = wire("authorisations")
        point, model_id = from_hex(vector["keys"]["owner"]["publicKey"]), from_hex(vector["release"]["modelId"])
        self.assertTrue(verify_p256(point, release_message(model_id), from_hex(vector["release"]["signature"])))
        for status in vector["status"]:
            message = status_message(model_id, int(status["status"]), int(status["sequence"]))
            self.assertEqual(message.hex(), status["message"])
            self.assertTrue(verify_p256(point, message, from_hex(status["signature"])))

    def test_seeds(self) -> None:
        vector = wire("authorisations")
        for seed in vector["seeds"]:
            self.assertEqual(api_seed(int(seed["apiSeed"])).hex(), seed["seed"])
        on_chain = vector["onChainSeed"]
        self.assertEqual(authorisations.on_chain_seed(from_hex(on_chain["requestId"])).hex(), on_chain["seed"])


class Hub(unittest.TestCase):
    def test_statuses_are_read_and_verified(self) -> None:
        vector = wire("hub")
        release = ReleaseFacts(from_hex(vector["modelId"]), from_hex(vector["owner"]["publicKey"])[1:], {})
        for status in vector["statuses"]:
            verdict = verify_status(status["utf8"].encode("utf-8"), release)
            expected = "refused" if status["status"] == "yanked" else "accepted"
            self.assertEqual(verdict.verdict, expected, status["status"])

    def test_uploads(self) -> None:
        vector = wire("hub")
        point = from_hex(vector["owner"]["publicKey"])
        for upload in vector["uploads"]:
            fields = {**upload["fields"], "private": str(int(upload["fields"]["visibility"] == "private"))}
            message = authorisations.message("proofmark upload v1", authorisations.UPLOAD, words(authorisations.UPLOAD, fields))
            self.assertEqual(message.hex(), upload["message"])
            self.assertEqual(sha256(upload["contents"].encode("utf-8")).hex(), upload["fields"]["contents"])
            self.assertTrue(verify_p256(point, message, from_hex(upload["authorisation"])))


class Anchors(unittest.TestCase):
    def test_dates_of_heads_and_challenges(self) -> None:
        vector = wire("anchors")
        head = decode_cosigned(from_hex(vector["head"]["cosigned"]), HEAD_LAYOUT, HEAD_TAG)
        challenge = decode_cosigned(from_hex(vector["challenge"]["cosigned"]), CHALLENGE_LAYOUT, CHALLENGE_TAG)
        for found, name in ((head, "head"), (challenge, "challenge")):
            self.assertEqual(found.message.hex(), vector[name]["words"])
            self.assertEqual(found.time, 1000 * int(vector[name]["fields"]["time"]))
            self.assertTrue(found.is_signed)
        self.assertEqual(sha256(from_hex(vector["challenge"]["cosigned"])).hex(), vector["challenge"]["value"])


class Integers(unittest.TestCase):
    def test_bodies(self) -> None:
        for vector in wire("integers")["bodies"]:
            tensors = [
                IntegerTensor(each["decimals"], each["shape"], [int(value) for value in each["values"]])
                for each in vector["tensors"]
            ]
            self.assertEqual(encode_integers(tensors).hex(), vector["body"], vector["name"])
            self.assertEqual(decode_integers(from_hex(vector["body"])), tensors, vector["name"])


class Noise(unittest.TestCase):
    def transport(self) -> noise.Transport:
        vector = wire("noise")
        private = X25519PrivateKey.from_private_bytes(from_hex(vector["keys"]["clientEphemeral"]["privateKey"]))
        seal_key = from_hex(vector["keys"]["sealKey"]["publicKey"])
        handshake = noise.Handshake(from_hex(vector["log"]), seal_key, private)
        self.assertEqual(handshake.message1.hex(), vector["message1"])
        return handshake.finish(from_hex(vector["message2"]))

    def test_handshake(self) -> None:
        vector, transport = wire("noise"), self.transport()
        self.assertEqual(noise.prologue_of(from_hex(vector["log"])).hex(), vector["prologue"])
        self.assertEqual(transport.handshake_hash.hex(), vector["handshakeHash"])
        self.assertEqual(transport.send_key.hex(), vector["toWorkerKey"])
        self.assertEqual(transport.receive_key.hex(), vector["toClientKey"])

    def test_records_are_sealed_and_opened(self) -> None:
        vector, transport = wire("noise"), self.transport()
        for entry in [*vector["records"], *vector["largeRecords"]]:
            to_worker = entry["direction"] == "to-worker"
            key = transport.send_key if to_worker else transport.receive_key
            direction = noise.TO_WORKER if to_worker else noise.TO_CLIENT
            place = noise.Place(direction, entry["request"], entry["chunk"], entry["final"])
            large = "dataByte" in entry
            data = from_hex(entry["dataByte"]) * entry["dataLength"] if large else from_hex(entry["data"])
            record = noise.seal(key, transport.handshake_hash, place, data, entry["padding"])
            self.assertEqual(sha256(record).hex() if large else record.hex(), entry["recordSha256" if large else "record"])
            self.assertEqual(noise.open_record(key, transport.handshake_hash, direction, record), (place, data))

    def test_records_that_nobody_may_open(self) -> None:
        vector, transport = wire("noise"), self.transport()
        for entry in vector["refused"]:
            with self.subTest(entry["name"]), self.assertRaises(Malformed) as refusal:
                record = from_hex(entry["record"])
                noise.open_record(transport.send_key, transport.handshake_hash, noise.TO_WORKER, record)
            self.assertEqual(refusal.exception.code, entry["code"], entry["name"])

    def test_a_second_message_of_low_order_is_refused(self) -> None:
        handshake = noise.Handshake(bytes(32), from_hex(wire("noise")["keys"]["sealKey"]["publicKey"]))
        with self.assertRaises(Malformed):
            handshake.finish(bytes(48))


class Words(unittest.TestCase):
    def test_tags_are_padded_on_the_right(self) -> None:
        self.assertEqual(tag_word("proofmark/1"), b"proofmark/1" + bytes(21))
