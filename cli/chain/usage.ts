/** Apart from the commands, which need the chain's library: nobody needs that who asks for help. */
export const deployUsage: string = `proofmark chain deploy --chain RPC --deployment FILE --token ADDRESS (--account ADDRESS | --account-key FILE)
                       [--nitro-root FILE.der] [--snp-root FILE.der]... [--simulated] [--chain-id N] [--lifetime SECONDS]
                       [--challenge-blocks N] [--max-age SECONDS] [--max-skew SECONDS] [--close-delay SECONDS]
                       [--dry-run] [--yes] [--json]
  Creates verifiers, registries, Settlement and AttestedResult: contracts without an owner, whose parameters are for ever.
  Roots are the vendors' own (AWS's for Nitro, AMD's of each product line); any other needs --simulated, and makes a
  deployment that says so. What it costs is simulated first, and somebody has to say yes. FILE says how far it is: after
  any failure the same command goes on, and checks what stands to the last byte. Policies: proofmark chain policy.`;

const where = '--chain RPC (--deployment FILE | --chain-id N';
const paying = '(--account ADDRESS | --account-key FILE)';

export const registerUsage: string = `proofmark chain register URL|FILE ${where} --registry ADDRESS) ${paying}
                         [--log HEX] [--issued] [--json]
proofmark chain register URL --save FILE --operator ADDRESS ${where} --registry ADDRESS) [--log HEX] [--json]
  Registers a worker's log by fresh evidence, or renews it: the registry verifies the evidence in that transaction, and
  takes it from the operator that the worker's configuration names. The challenge is a recent block; with --issued one that
  the registry draws first, for chains whose block hashes mean something else. --save keeps what the worker says for an
  account on another machine, which then names FILE.`;

export const revokeUsage: string = `proofmark chain revoke FILE ${where} --registry ADDRESS) ${paying} --yes [--json]
  Ends a log for ever, as its operator: nothing that it signs counts any more. FILE has the worker's identity in it: what
  register --save wrote, evidence.json of proofmark evidence, or a .proofmark file.`;

export const statusUsage: string = `proofmark chain status LOG ${where} --registry ADDRESS) [--json]
  What the registry says of a log: live, expired, revoked or unknown. Exits 30 where it is not live.`;

export const policyUsage: string = `proofmark chain policy template --image HEX --provenance HEX --expires ISO-TIME [--simulated]
proofmark chain policy create --setup FILE ${where} --registry ADDRESS) ${paying}
                       [--owner ADDRESS --delay SECONDS] [--yes] [--json]
  What contracts accept: fixed for ever, or with an owner who refuses at once and accepts after a delay. template writes
  a setup to edit, with the shipped minima. Its form: attestations/schemas/proofmark-chain-policy.schema.json
proofmark chain policy accept|deny|unlist POLICY image|config|runtime|execution|operator|platform|cloud|certificate ID
                       [--provenance HEX] --chain RPC --chain-id N ${paying} [--json]
proofmark chain policy any POLICY SUBJECT yes|no
proofmark chain policy floors POLICY milan|genoa|turin 0xTCB|any
proofmark chain policy microcode POLICY PRODUCT MODEL STEPPING MINIMUM
proofmark chain policy owner POLICY ADDRESS
  A change by the owner. What accepts nothing new counts at once; anything else is announced, and waits.
proofmark chain policy pending POLICY [--from-block N]
proofmark chain policy activate|cancel POLICY PROPOSAL
proofmark chain policy show POLICY
proofmark chain policy accepts POLICY LOG [--execution HEX]
  What was announced and when it may count; what is accepted; and whether a log is, which exits 30 where it is not.`;

export const verifierUsage: string = `proofmark chain verifier proved --circuit-key FILE --model HEX [--with-receipts] [--dev] --chain RPC
                         (--deployment FILE | --chain-id N) ${paying} [--yes] [--json]
proofmark chain verifier replayed --auditor HEX [--auditor HEX]... --needed N --chain RPC (--deployment FILE | --chain-id N)
                         ${paying} [--yes] [--json]
  How answers are checked beyond a worker's receipt, or instead of one: contracts that nobody can change, which a requester
  names in its terms. proved takes proofs of the circuit that the model's release names, with --with-receipts only about
  what a worker's receipt commits to; a key that one party made needs --dev, and proves whatever that party likes. replayed
  wants so many of these auditors, each 128 hex digits of its public key. recomputed: proofmark prove --evm writes one.
proofmark chain verifier show proved|replayed ADDRESS --chain RPC --chain-id N [--json]
  What it trusts: which circuit, of which setup; which auditors, and how many of them.`;

export const channelUsage: string = `proofmark chain channel open DIR --payee ADDRESS --amount N --max-outstanding N --max-spend N|any --max-unit-price N|any
                        ${where} --settlement ADDRESS) ${paying} [--json]
  Locks tokens for one operator, and keeps in DIR the key that signs for calls, the limits, and what was signed so far:
  proofmark infer --channel DIR pays with it. Only what is missing is approved to the settlement. DIR is not to be copied:
  two that sign from one memory sign twice.
proofmark chain channel status DIR --chain RPC [--json]
proofmark chain channel top-up DIR --amount N --chain RPC ${paying}
proofmark chain channel start-close DIR --chain RPC ${paying}
proofmark chain channel close DIR --chain RPC ${paying}
proofmark chain channel list FOLDER
  What is locked, paid and signed for, beside this payer's own sums; closing takes two steps, between which the operator
  claims what it is owed.`;

export const settleUsage: string = `proofmark chain settle head FILE ${where} --settlement ADDRESS) ${paying} [--dry-run] [--json]
  Keeps the signed head of a .proofmark file, or of a receipt bundle, on the chain: anybody may, and it settles every
  receipt before it.
proofmark chain settle claim STATE-DIR ${where} --settlement ADDRESS) ${paying} [--dry-run] [--yes] [--json]
  Claims what the journal of a stopped host is owed by its payers' vouchers, and shows it first. A host with --settlement
  does so by itself.`;
