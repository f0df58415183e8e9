/**
 * Every limit on what arrives from outside, with its reason. A parser that needs a bound takes it from here, so that
 * a reviewer can read on one page how much work a stranger can cause.
 */
export const limits = {
  /** A frame between host and worker. One request or answer body with its header and proof fits. */
  frameBytes: 20_971_520,
  /** A request or response body. Larger tensors belong in several calls: one is held in memory four times on its way. */
  bodyBytes: 16_777_216,
  /** The OIP JSON header before binary tensors: names, shapes and types only. */
  jsonHeaderBytes: 65_536,
  /** Nesting of JSON and CBOR. The deepest format of our own uses six; recursion stays far from the stack's end. */
  nestingDepth: 16,
  /** A frame of telemetry: 26 counters of at most nine bytes. */
  telemetryBytes: 512,
  /** Items in one CBOR document. The largest legitimate one (an archive's proof and evidence) has a few hundred. */
  cborItems: 16_384,
  /** The configuration frame: 64 publishers, 1,024 models and their prices fit. */
  configurationBytes: 262_144,
  /** Publishers and models that one configuration may name: the worker searches them linearly. */
  configurationPublishers: 64,
  configurationModels: 1_024,
  /** A release manifest with 1,024 files and its samples. */
  manifestBytes: 1_048_576,
  manifestFiles: 1_024,
  /** A card or a sample of a release, which is held whole by whoever serves or shows it. Cards have some kilobytes. */
  shownFileBytes: 262_144,
  /** A release draft: what becomes a manifest, and the person's own spacing. */
  draftBytes: 1_048_576,
  /** Values of a circuit's input, and of its output: as wide as an integer program may be. */
  circuitValues: 4_096,
  /** A proof: sixteen words in hex, and a person's own spacing. */
  proofBytes: 8_192,
  /** One file of a release. ONNX protobufs end at 2 GiB; the worker holds one in memory. */
  modelFileBytes: 2_147_483_647,
  /** Elements of one commitment: 4,096 inputs of 8 bits and as many outputs of 32 have 719. Four of them cost 0.4 ms. */
  commitmentElements: 1_024,
  /** Protobuf fields and nodes in one ONNX file: large exported models have some ten thousand nodes of a dozen fields. */
  onnxFields: 524_288,
  onnxNodes: 65_536,
  /** `If` inside `If`: exporters write one, around the whole decoder. */
  onnxGraphDepth: 2,
  /** Branches above one leaf: the engine builds trees by calling itself, and 20,000 of them end its stack. Grown trees have some fifty. */
  onnxTreeDepth: 512,
  /** A language model's config.json. Those of published models have 1 to 4 KB. */
  languageConfigBytes: 262_144,
  /** Positions of a language model: a cache of this length is gigabytes for all but the smallest. */
  languageContextTokens: 131_072,
  /** Tokens of a vocabulary; published ones end below 2^18. The sampler's sums of 2^32 each are exact up to 2^21. */
  languageVocabulary: 1_048_576,
  /** Answers that one language engine computes at once: the engine's load proves every size of a batch up to it. */
  languageBatch: 64,
  /** A Nitro document is about 5 KiB; AWS caps the payload at 16 KiB (verifier-checks N5). */
  attestationDocumentBytes: 18_432,
  /** Documents that a worker's host waits for at once: the device makes them one by one, in a few milliseconds each. */
  attestationsPending: 256,
  /** The payload of a Nitro document, and one certificate in it: AWS's own caps (verifier-checks N5, N14). */
  nitroPayloadBytes: 16_384,
  nitroCertificateBytes: 1_024,
  /** public_key, user_data and nonce each: the longest that the device signs (N16); a policy may ask for 512. */
  nitroBindingBytes: 1_024,
  /** Certificates in a CA bundle. Genuine bundles have four; eight keep a verification under A5's 10 ms of signatures. */
  nitroBundleCertificates: 8,
  /** Any certificate: AMD's RSA-4096 ones have 1.6 KB. Extensions in one: genuine certificates have at most nine. */
  certificateBytes: 4_096,
  certificateExtensions: 32,
  /** Attributes in a certificate's name. Genuine names have at most seven. */
  nameAttributes: 16,
  /** CAs that a cache may know: three for a Nitro instance, in about 600 bytes each, and its own one is new every day. */
  chainCacheEntries: 65_536,
  /** Signatures that one verification may check: a full CA bundle, the leaf and the document. */
  evidenceSignatures: 9,
  /** Certificates and lists beside an SNP report, and the table or PEM text that holds them: genuine ones fill 8 KiB. */
  snpCertificates: 16,
  snpTableBytes: 65_536,
  snpTableEntries: 16,
  /** A simulated firmware's answer: as much as the driver gives (4,000 bytes), and a certificate table. */
  snpResponseBytes: 69_536,
  /** AMD's revocation lists are about 1 KB; they name intermediates, of which there were a handful. */
  revocationListBytes: 65_536,
  revokedCertificates: 1_024,
  /** A policy with full lists of images, and the entries of one list: verification searches them one by one. */
  policyBytes: 1_048_576,
  policyListItems: 1_024,
  /** Auditors that a levels policy or a price list names: a contract counts at most 16, and each signature is checked. */
  levelAuditors: 64,
  /** Proofs, keys, approvals, findings of one result, of each kind: a proof takes some 20 ms to check. */
  levelEvidence: 64,
  /** Offers of one model on a price list: a few verifiers for each level. And the list, with 64 auditors in many of them. */
  levelOffers: 16,
  priceListBytes: 4_194_304,
  /** Evidence as served by a host: a document, certificates and revocation lists (AMD's lists are the largest). */
  evidenceBytes: 1_048_576,
  /** JSON values in it: eight fields, sixteen certificates and eight lists. More could cost 250 ms to read (A5: 10 ms). */
  evidenceValues: 64,
  /** A whole `.proofmark` archive with payloads: A5 allows 8 MiB of memory, payloads stay outside beyond that. */
  archiveBytes: 50_331_648,
  /** JSON values in it: some thirty fields, a proof, the evidence and a few anchors. More would cost a second to read. */
  archiveValues: 512,
  /** Raw evidence in any spelling: an extended SNP report with its table of certificates, as hex. */
  auditEvidenceBytes: 139_264,
  /** What a page in a browser reads at once: A5's bound. Larger archives are for the command line. */
  consoleFileBytes: 8_388_608,
  /** Files of certificates that one audit takes. */
  auditChainFiles: 16,
  /** A list of cases to judge in one go; each is judged by itself, so only the list is held in memory. */
  auditCasesBytes: 16_777_216,
  auditCases: 16_384,
  /** Resident memory of a model process before it has a model, with room: node and the engine take 70 to 110 MiB. */
  modelBaselineBytes: 201_326_592,
  /** Files of a language model that its process gets: a decoder or two, tokenizer, template and configurations. */
  languageFiles: 32,
  /** Tokens of one context: more than any model that one processor serves. */
  contextTokens: 1_048_576,
  /** Characters of one token: the longest in public vocabularies are runs of 128 spaces. */
  tokenCharacters: 128,
  /** Rows that are computed together: beyond it a batch gains nothing, and everybody in it waits for all of it. */
  batchRows: 256,
  /** Elements of one dimension or tensor inside a model: what the engine counts in 32 bits. */
  modelTensorElements: 2_147_483_647,
  /** Tensors in one call, and their rank. The engine takes more; no public model does. */
  tensors: 256,
  tensorRank: 8,
  /** A language request: a million bytes of text, each perhaps written as an escape of six, and what goes around them. */
  languageBodyBytes: 8_388_608,
  /** JSON values in one: messages of a few fields each, or of several parts. */
  languageValues: 16_384,
  /** Messages of one conversation, and the text of all of them: longer than any context that a worker could run. */
  chatMessages: 1_024,
  promptBytes: 1_048_576,
  /** Stop strings, and characters of one: four are what OpenAI takes. Output is held back for as long as one may begin. */
  stopStrings: 4,
  stopCharacters: 256,
  /** Tokens that one request may ask for; the release and the worker's configuration bound it further. */
  generatedTokens: 1_048_576,
  /** A tokenizer of a quarter million tokens with its merges has 35 MB; its vocabulary is held several times. */
  tokenizerBytes: 67_108_864,
  tokenizerTokens: 1_048_576,
  /** What goes with it: a configuration that lists 6,000 added tokens has 1.2 MB. Chat templates have a few kilobytes. */
  tokenizerConfigBytes: 4_194_304,
  chatTemplateBytes: 262_144,
  /** Format 2: 10^decimals fits in a word beside any value of a model's floats; a dimension is what a uint32 holds. */
  integerDecimals: 36,
  integerDimension: 0xffff_ffff,
  tensorNameBytes: 256,
  /** A caller's own mark on a call, repeated in the answer: a UUID or a trace id fits. */
  inferenceIdBytes: 256,
  /** A model's name or version in an answer; a manifest allows 64 and 128. */
  modelNameBytes: 128,
  /** Tree size: indexes stay exact integers in every language that reads a receipt. */
  treeSize: 281_474_976_710_656,
  /** Hashes in one proof: a neighbour per level of the largest tree, and a consistency proof's start. */
  treeProofHashes: 49,
  /** A head as a signed note: five short lines and one signature, some 420 bytes. */
  checkpointBytes: 1_024,
  /** Leaves not yet acknowledged by the host as durable (DESIGN section 4). Full means the worker stops accepting. */
  unacknowledgedLeaves: 4_096,
  /** A sealed record before sealing: a whole body and 1 MiB for its header, receipt and proof, in steps of 64 KiB. */
  recordPlaintextBytes: 17_825_792,
  /** Request numbers that one session accepts out of order (DESIGN section 5). */
  sessionWindow: 1_024,
  /** Sessions in one worker: each holds two keys, a hash and a window, about 2 KiB. */
  sessions: 4_096,
  /** Preimages of `runtime` and `execution`: a dozen short texts, and stop strings for language models. */
  executionBytes: 32_768,
  /** A receipt with proof, head, signature and execution preimage. */
  bundleBytes: 65_536,
  /** The small file beside an encrypted release: one wrapped key, its name and the format's constants, with room. */
  encryptedReleaseBytes: 16_384,
  /** What KMS takes as CiphertextBlob (API reference, Decrypt), and as the name of a key. */
  kmsCiphertextBytes: 6_144,
  kmsKeyIdBytes: 2_048,
  /** KMS's answer for an enclave: some 500 bytes for a 256-bit key and RSA-2048, 33 elements; an issuer's name adds to them. */
  kmsRecipientBytes: 4_096,
  kmsRecipientElements: 128,
  /** Key policies: KMS's own cap. Statements, values of one condition: what a person can read. */
  kmsPolicyBytes: 32_768,
  kmsPolicyItems: 256,
  /** A request to the KMS stand-in: a document, a wrapped key and a context, in base64. */
  kmsRequestBytes: 131_072,
  /** What KMS encrypts at once (API reference, Encrypt), and pairs of an encryption context. */
  kmsPlaintextBytes: 4_096,
  kmsContextPairs: 16,
  /** Pieces of one string in that answer: KMS sends one, openssl as well; nested strings have nothing to add. */
  kmsRecipientPieces: 8,
  /** A file on a hub: one of a release with `.enc` behind its name, and sealed, by 16 bytes for each 64 KiB. */
  storedPathBytes: 260,
  storedFileBytes: 2_148_007_936,
  /** A signed status, with room: seven short members. */
  signedStatusBytes: 1_024,
  /** A release as it travels to and from a hub: manifest in base64, and 1,025 stored files in some 370 bytes each. */
  hubReleaseBytes: 2_097_152,
  /** Versions of one model on a hub, and their list in 160 bytes each. Whoever releases daily fills it in eleven years. */
  hubVersions: 4_096,
  hubVersionsBytes: 1_310_720,
  /** What somebody who pulls remembers of hubs: owners of namespaces, and last words on releases, in 250 bytes each. */
  hubMemoryEntries: 4_096,
  hubMemoryBytes: 2_097_152,
  /** Releases of one hub: about 4 KiB of memory each, and more for those of many files. */
  hubReleases: 16_384,
  /** Stored files of all releases: some 300 bytes of memory each. Most models have a dozen. */
  hubFiles: 262_144,
  /** What a hub writes down of a release or of an upload: the release as it travels, and when it came. */
  hubRecordBytes: 2_359_296,
  /** Publishers and readers that one operator lists by hand, and the file that has them. */
  hubPublishers: 1_024,
  hubReaders: 1_024,
  hubPublishersBytes: 1_048_576,
  /** Uploads that were begun and not ended, in all and of one publisher: each has a folder, and room is kept for it. */
  hubUploads: 256,
  hubUploadsPerPublisher: 16,
  /** How long an upload of which nothing is heard is kept: a publisher's night. */
  hubUploadIdleMilliseconds: 86_400_000,
  /** Transfers under way, each way: a descriptor and two buffers each. */
  hubTransfersIn: 64,
  hubTransfersOut: 256,
  /** What is read of a stored file at once. */
  hubChunkBytes: 131_072,
  /** What a transfer has to bring in thirty seconds: a modem's pace. Whoever is slower comes back for the rest. */
  hubSlowestBytes: 65_536,
  /** Bodies of JSON that a hub holds at once: sixteen of the largest. */
  hubBodyBytes: 33_554_432,
  /** How long a nonce of a hub counts, and used ones that it remembers for as long: only publishers' are. */
  hubNonceMilliseconds: 300_000,
  hubNonces: 65_536,
  /** Rows on one page of a search, a page of a tree of files, and bytes of what is searched for. */
  hubPage: 100,
  hubTreePage: 1_000,
  hubQueryBytes: 256,
  /** Paths that a client asks about at once: all of the largest release, in JSON or as a form. */
  hubPathsBytes: 524_288,
  /** One piece of a model file on its way to a worker: large enough to be quick, small enough not to hold up answers. */
  fileChunkBytes: 4_194_304,
  /** Channels that have paid something in one log; their totals are never evicted, so their number is bounded. */
  channels: 65_536,
  /** A payer's store: 4,096 logs of its channels, or gaps in one of them, in about 400 bytes each. */
  paymentTabs: 4_096,
  paymentStoreBytes: 4_194_304,
  /** The host's journal: 64 GiB are about 80 million receipts. Full means that it accepts no requests. */
  journalBytes: 68_719_476_736,
  /** Equivocations of one worker that the journal keeps as evidence; one is enough, the rest are repetitions. */
  journalConflicts: 64,
  /** Receipts that one requestId finds: honest requesters have one, a repeated number may have a few. */
  receiptsPerRequest: 16,
  /** Requests that the host has sent to its worker and not yet seen answered; beyond it answers 503 at once. */
  hostPending: 1_024,
  /** The same over all workers of one host: as many as it has connections. */
  hostPendingInAll: 4_096,
  /** Origins whose pages may call one host: an operator's own sites, written down by hand. */
  hostOrigins: 64,
  /** Workers of one host: each costs a connection, a loop that keeps it, and a search for the least busy one. */
  hostWorkers: 64,
  /** Callers whose rate the host keeps: about 200 bytes each. Whoever has more addresses than this needs no burst. */
  rateCallers: 65_536,
  /** Keys of one operator's callers, all of which are compared for each request, and the file that has them. */
  apiKeys: 1_024,
  apiKeyFileBytes: 262_144,
  /** The host's own options as a file: two dozen names, and the paths of some hundred releases. */
  hostOptionsBytes: 65_536,
  /** Bytes that the host holds for a worker that reads slowly, before it answers 503. */
  hostBacklogBytes: 67_108_864,
  /** Files of AMD's certificates and lists that one host keeps: a few for each machine that its workers may run on. */
  hostCertificateFiles: 64,
  /** HTTP connections of one host; an idle one costs about 10 KiB, and no public host needs more on one machine. */
  hostConnections: 4_096,
  /** Request bodies that the host holds at once: a quarter of a small machine's memory. */
  hostBodyBytes: 268_435_456,
  /** Bytes of one streamed answer that wait for its reader: a slow network's second. Whoever leaves more is cut off. */
  streamBacklogBytes: 1_048_576,
  /** Sealed answers that the host keeps for clients whose connection was lost, and for how long: four of the largest. */
  keptBytes: 67_108_864,
  keptAnswers: 4_096,
  keptMilliseconds: 600_000,
  /** A host's list of its workers, and what a client reads of it: each names its models in 67 bytes of JSON. */
  hintBytes: 4_194_304,
  hintedWorkers: 1_024,
  /** Workers that a client asks for evidence in one search: each costs it some milliseconds of signatures. */
  workerCandidates: 16,
  /** Heads of one log that a client holds before it asks how they continue each other, and receipts that it asks for again. */
  watchedHeads: 64,
  watchedReceipts: 256,
  /** Calls that a client remembers as refused for good reason, in about 200 bytes each. */
  refusedCalls: 256,
  /** Heads in one answer of the host. */
  headsPerPage: 256,
  /** One answer of a chain's node, and JSON values in it: a block's worth of events with their data is a few megabytes. */
  chainAnswerBytes: 16_777_216,
  chainAnswerValues: 262_144,
  /** Nodes that one settler asks, and transactions of it that are on their way at once: each may cost its gas. */
  chainEndpoints: 8,
  chainTransactions: 4,
  /** What a settler remembers of its transactions until they are final, and the file in which it does: calldata is hex. */
  chainUnfinal: 64,
  settlerStateBytes: 16_777_216,
  /** On-chain requests that a settler works for, and others that it looks at again: their inputs are held in memory. */
  escrowsOpen: 256,
  escrowsWaiting: 1_024,
  /** Auditors that one party names, and values of one's hash chain: an audit each hour for a century. */
  auditors: 64,
  auditorLinks: 1_048_576,
  /** A finding with commits of others; how many are on one page of an auditor, and its bytes; leaves of one audit. */
  findingBytes: 65_536,
  findingsPerPage: 64,
  findingsPageBytes: 4_194_304,
  auditSamples: 1_024,
  /** The file of a host that names auditors, and what it remembers of their findings. */
  auditorFileBytes: 65_536,
  hostFindings: 1_024,
  /** One disclosed request: header, both bodies, and CBOR around them. A host keeps a file for each. */
  disclosedBytes: 33_558_528,
  disclosedRequests: 1_048_576,
  /** Approvals: one that waits holds an archive, one that is kept or answered has some 700 bytes. */
  approvalsWaiting: 16,
  approvalsKept: 4_096,
  approvalBytes: 4_096,
  /** Tensors of a graph that are looked at together, beside its outputs: a quarter of what one call holds. */
  exposedTensors: 64,
  /** All HTTP headers of a request together; ours need one line of a few dozen bytes. */
  httpHeaderBytes: 8_192,
  /** A Noise record on its way through the host: the largest body, two padding steps for what goes with it, 25 bytes of frame. */
  recordBytes: 16_908_313,
  /** Noise section 3: no message is longer. */
  noiseMessageBytes: 65_535,
  /** NSM device messages: the ioctl's own caps. */
  nsmRequestBytes: 0x1000,
  nsmResponseBytes: 0x3000,
  /** A Nitro Secure Module has 32 registers; its id is "i-" and 17 digits, "-enc" and 16 digits. */
  nsmPcrs: 32,
  nsmModuleIdBytes: 64,
  /** An enclave image: what Node reads and hashes in one piece. Model weights are never in it. */
  eifBytes: 2_147_483_647,
  /** What x86 kernels keep of a command line (COMMAND_LINE_SIZE). */
  eifCommandLineBytes: 2_048,
  /** Unmeasured metadata of an image: nitro-cli copies what Docker says about its source, some 10 KB. */
  eifMetadataBytes: 1_048_576,
  /** A signing certificate and one signature, each byte as a CBOR integer. Read with `cborItems`. */
  eifSignatureBytes: 65_536,
  /** Entries of a ramdisk, and a path in it (PATH_MAX, with its NUL). A worker's image has some 200. */
  cpioEntries: 65_536,
  cpioPathBytes: 4_096,
  /** A compressed kernel, what it unpacks to, and the configuration in it: distribution kernels have 15, 70 and 0.3 MB. */
  kernelBytes: 134_217_728,
  kernelUnpackedBytes: 268_435_456,
  kernelConfigBytes: 2_097_152,
  /** Firmware of a confidential VM: what QEMU maps below 4 GiB. */
  firmwareBytes: 16_777_216,
  /** Entries of a firmware's table and of its SEV metadata: OVMF has five and seven. */
  firmwareEntries: 64,
  /** Memory that a firmware has measured before it starts: OVMF asks for 200 KiB; each page costs a hash. */
  firmwareMeasuredBytes: 67_108_864,
  /** Virtual CPUs of a confidential VM: two sockets of 192 cores with two threads are 768. */
  snpVcpus: 1_024,
  /** The lock of an image's inputs: some thirty files of about 250 bytes each. */
  imageLockBytes: 65_536,
  /** Packages that one lock may name, and files taken from one: kernel modules are the longest list. */
  imageArtefacts: 16,
  imageArtefactFiles: 64,
  /** One input file of an image; node has 127 MB. Model weights are larger than what is left of an image's 512 MiB. */
  imageInputBytes: 268_435_456,
  /** The worker's bundle and each native program of this repository. They have 0.4 MB and some kilobytes. */
  imageProgramBytes: 4_194_304,
} as const;
