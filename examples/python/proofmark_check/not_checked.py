"""The closed list of what the project's own verifier and client look at and this package does not."""

from __future__ import annotations

NOT_CHECKED = [
    "that this head grew out of the heads of earlier answers of the log (`tree.verify_consistency` is there, unused)",
    "that the owner's status is not older than one that an earlier run saw: nothing is kept between runs",
    "that shape and datatypes of the answer's tensors are those of the manifest: its JSON is read, and that is all",
    "payment: nothing is paid, no voucher is signed, and no channel's sum is held against its answers",
    "other hosts: an answer that is lost is not fetched again, and nobody else is asked",
]

# What no verifier of this protocol can know from these bytes.
NEVER_PROVEN = [
    "that the model is right, fair or safe",
    "that the measured code is good: somebody has to read it and accept its image",
    "when it happened: a receipt carries no time of its own",
    "whether a vendor's certificate was revoked, where no list came with it",
    "which processor computed: the execution names it as its kernel reports it",
]
