/**
 * Every way in which this library says no, grouped by what it means for the evidence. Codes are API: each has a test,
 * and adding one is a line here.
 *
 * - `malformed`: the bytes are not what they claim to be; nothing was learned from them.
 * - `untrusted`: well-formed, but the cryptography does not lead to a trusted root. A forgery looks like this.
 * - `refused`: genuine evidence that this policy does not accept.
 * - `misuse`: the caller's own arguments are wrong. Thrown, never returned as a verdict about evidence.
 */
export const codeMeanings = {
  malformed: {
    document_too_large: 'the document is empty or longer than any genuine one',
    cbor_invalid: 'not one well-formed CBOR item of the allowed profile',
    cose_tag: 'tagged as something other than COSE_Sign1',
    cose_structure: 'not a COSE_Sign1 array of protected header, unprotected header, payload and signature',
    cose_protected_header: 'the protected header is not exactly ES384',
    cose_unprotected_header: 'the unprotected header is not empty',
    cose_payload: 'the payload is not a byte string of 1 to 16384 bytes',
    cose_signature_length: 'the signature is not a byte string of 96 bytes',
    document_field_missing: 'a mandatory field of the attestation document is absent or null',
    document_field_invalid: 'a field of the attestation document has the wrong type or size',
    digest_unsupported: 'the document does not name SHA384 as its digest',
    timestamp_invalid: 'the timestamp is not a positive integer of milliseconds',
    pcrs_invalid: 'the PCR map is empty, too large, or has an index or a value out of range',
    certificates_invalid: 'the leaf or the CA bundle has a number or size of certificates out of range',
    der_invalid: 'not distinguished encoding: a wrong tag, length, or spelling',
    certificate_too_large: 'the certificate is empty or longer than any genuine one',
    certificate_version: 'not an X.509 version 3 certificate',
    certificate_serial: 'the serial number is not a positive integer of at most 20 bytes',
    certificate_algorithm_mismatch: 'the signed and the unsigned signature algorithm differ',
    certificate_name: 'an issuer or subject name is empty or not of the expected form',
    certificate_time: 'a validity date is not a real UTC date in its one allowed form',
    certificate_key: 'the public key is not an uncompressed point on its curve',
    certificate_extension: 'an extension is malformed',
    certificate_extension_duplicate: 'an extension appears twice',
    certificate_signature_format: 'the signature value is not of the one form that its algorithm has',
    report_length: 'the report does not have 1184 bytes',
    report_version_unknown: 'the report is of a version that is not known',
    report_signature_algorithm: 'the report is not signed with ECDSA P-384 and SHA-384',
    report_reserved: 'a reserved part of the report is not what its version demands',
    report_signer_unknown: 'the report names a kind of signing key that is not defined',
    report_signature_format: 'a scalar of the signature is longer than 48 bytes',
    certificate_table_invalid: 'not a table of certificates by GUID',
    pem_invalid: 'not PEM text of certificates and revocation lists',
    revocation_list_invalid: 'a revocation list is malformed, or there is more than one',
    evidence_invalid: 'the evidence is not well formed',
    identity_invalid: 'the identity words are not well formed',
    configuration_invalid: 'the configuration is not well formed',
    runtime_invalid: 'the runtime statement is not well formed',
    receipt_invalid: 'the receipt is not well formed',
    head_invalid: 'the tree head is not well formed',
    execution_invalid: 'the execution statement is not well formed',
    header_invalid: 'the request header is not well formed, or does not fit its body',
    response_invalid: 'the format or length words of the answer do not fit its body',
    manifest_invalid: 'the manifest is not well formed or not in canonical form',
    status_invalid: 'the status of a release is not well formed',
    archive_invalid: 'not a .proofmark archive',
    cosignature_invalid: 'a cosignature of a head or of a challenge is not of its one form',
  },
  untrusted: {
    root_not_trusted: 'the root is neither a pinned vendor anchor nor named by the policy',
    algorithm_not_allowed: 'a certificate is signed with an algorithm that this hardware never uses',
    key_not_allowed: 'a certificate holds a key of a kind that this hardware never uses',
    issuer_mismatch: "a certificate's issuer is not the subject of the one before it",
    key_identifier_mismatch: 'the authority key identifier is not the subject key identifier of the issuer',
    certificate_not_yet_valid: 'a certificate is not valid yet at the given time',
    certificate_expired: 'a certificate is no longer valid at the given time',
    issuer_not_ca: 'an issuing certificate is not marked as a CA by a critical basicConstraints',
    path_too_long: 'more CA certificates follow than a path length constraint allows',
    ca_key_usage: 'an issuing certificate may not sign certificates',
    leaf_is_ca: 'the last certificate is a CA',
    leaf_key_usage: 'the last certificate may not make signatures, or may sign certificates',
    critical_extension_unknown: 'a critical extension that is not understood',
    certificate_signature: "a certificate's signature does not verify under its issuer's key",
    document_signature: "the document's signature does not verify under the leaf's key",
    signature_budget: 'verification would take more signatures than allowed',
    chain_incomplete: 'the certificates are not one root, one intermediate and one endorsement certificate',
    revocation_list_signature: "the revocation list does not verify under the root's key",
    certificate_revoked: 'the intermediate certificate is on the revocation list',
    report_unsigned: 'the report says itself that no key of the chip signed it',
    endorsement_mismatch: 'the certificate is of another kind of key than the report names',
    product_unknown: 'the report is of a CPU that is not known',
    product_mismatch: 'report, certificates and caller name different product lines',
    tcb_mismatch: 'the certificate is for another TCB than the one reported, or leaves out a level',
    chip_mismatch: "the certificate is of another chip than the report's",
    report_signature: "the report's signature does not verify under the endorsement key",
    tee_not_trusted: 'the evidence is of other hardware than the policy is for',
    identity_mismatch: 'the document binds another identity than the one shown',
    signer_mismatch: "the document's public key is not the signer of the identity",
    signer_invalid: 'the signer of the identity is no key on P-256',
    configuration_mismatch: 'the configuration shown is not the one that the identity names',
    configuration_not_bound: 'PCR16 does not hold the configuration',
    runtime_mismatch: 'the runtime shown is not the one that the identity names',
    identity_contradiction: 'identity and configuration name different operators, chains or contracts',
    head_of_other_log: 'the head is of another log than the proven one',
    head_of_other_chain: 'the head names another chain or settlement than the identity',
    head_signature: 'the head is not signed by the proven key',
    inclusion_proof: 'the receipt is not proven to be in the tree',
    request_id_mismatch: 'the receipt is for another request id',
    model_mismatch: 'the receipt names another model',
    request_mismatch: 'the receipt covers another request',
    response_mismatch: 'the receipt covers another answer',
    execution_mismatch: 'the execution shown is not the one in the receipt',
    execution_contradiction: 'the execution is not by the attested runtime',
    flags_mismatch: 'the receipt has other flags than the request',
    channel_mismatch: 'the receipt charges another channel',
    deadline_mismatch: 'the receipt names another deadline',
    fee_mismatch: 'the fee does not follow from price, units and status',
    cumulative_fee_mismatch: 'the channel owes another sum than its answers cost',
    release_mismatch: 'the manifest is of another model or owner',
    release_signature: 'the owner did not sign the manifest',
    commitment_mismatch: 'the receipt commits to something else than its request and answer, or not where it should',
    status_mismatch: 'the status is of another release or owner',
    status_signature: "the release's owner did not sign the status",
    payload_mismatch: 'a digest in the file is not the digest of its payload',
    anchor_mismatch: 'a cosigner that the policy names dated another head or another document',
    anchor_signature: 'a cosigner that the policy names did not sign the date shown',
  },
  refused: {
    policy_expired: 'the policy itself is past its expiry date',
    level_refused: 'simulated evidence under a hardware policy, or hardware evidence under a simulated one',
    root_refused: 'the root is genuine but not one that the policy names',
    certificate_denied: 'a certificate of the chain is on the deny list',
    module_denied: 'the module is on the deny list',
    image_denied: 'the image is on the deny list',
    debug_mode: 'PCR0, PCR1 and PCR2 are all zero: the enclave runs in debug mode',
    measurement_zero: 'one of PCR0, PCR1 and PCR2 is absent or zero',
    image_refused: 'the image (PCR0, PCR1, PCR2) is not on the allow list',
    pcr3_refused: 'PCR3 (the IAM role of the parent) is not on the allow list',
    pcr4_refused: 'PCR4 (the instance id of the parent) is not on the allow list',
    pcr8_refused: 'PCR8 (the signer of the image) is not on the allow list',
    document_too_old: "the document is older than the policy's maximum age",
    document_from_future: "the document's timestamp is further in the future than the policy's skew allows",
    timestamp_outside_leaf: "the document's timestamp is outside the validity of the certificate that signed it",
    challenge_missing: 'a challenge was asked for and the document carries none',
    challenge_mismatch: 'the document answers another challenge',
    binding_too_long: "user_data or nonce is longer than the policy's limit",
    field_unknown: 'the document has a field that the policy does not tolerate',
    module_id_mismatch: 'the module id is not the one that the certificates name',
    region_refused: 'the region is not on the allow list',
    leaf_lifetime: "the leaf's lifetime is longer than the policy allows",
    report_version_refused: 'the version of the report is not on the allow list',
    product_line_refused: 'the product line is not trusted with this kind of key (Milan VCEKs: arXiv 2605.12990)',
    revocation_unknown: 'the policy wants a revocation list and none is shown',
    revocation_stale: 'the revocation list is not valid at the given time',
    chip_denied: 'the chip is on the deny list',
    chip_masked: 'the report hides which chip made it',
    chip_refused: 'the chip is not on the allow list',
    csp_refused: 'the cloud to which the key was given is not on the allow list',
    measurement_denied: 'the measurement is on the deny list',
    measurement_refused: 'the measurement is not on the allow list',
    guest_debug: "the guest's policy lets the host debug it: anyone may read the guest",
    guest_migratable: "the guest's policy admits a migration agent",
    guest_policy_refused: "the guest's own policy is not as the policy wants it",
    alias_check_incomplete: 'the platform did not finish its check for aliased memory (BadRAM, AMD-SB-3015)',
    platform_refused: 'the configuration of the platform is not as the policy wants it',
    tcb_order: 'the report claims a committed or reported TCB above the current one',
    firmware_provisional: 'the running firmware is not committed, so that it can be rolled back',
    tcb_too_low: 'a level of a TCB is below its minimum',
    firmware_too_old: 'the version of the firmware is below its minimum',
    vmpl_refused: 'the report was asked for from a privilege level that is not allowed, or by the host',
    guest_svn_too_low: "the guest's security version is below the minimum",
    host_data_refused: 'the data of the host is not on the allow list',
    family_refused: 'the family id is not on the allow list',
    image_id_refused: 'the image id is not on the allow list',
    id_key_refused: 'the key that signed the ID block is not on the allow list',
    author_key_refused: 'the author key is not on the allow list',
    report_id_refused: 'the report id is not on the allow list',
    migration_agent_refused: 'the migration agent is not on the allow list',
    mitigation_missing: 'a mitigation that the policy wants is not in place',
    configuration_refused: 'the configuration is not on the allow list',
    runtime_refused: 'the runtime is not on the allow list',
    operator_refused: 'the operator is not on the allow list',
    chain_refused: 'the worker settles on another chain or contract',
    publisher_refused: 'a publisher is not on the allow list',
    model_refused: 'the model is not on the allow list',
    report_too_old: "the report was asked for longer ago than the policy's maximum age, or later than now",
    report_undated: 'the policy has a maximum age, and nobody knows when the report was asked for',
    worker_expired: "the worker's key is not yet or no longer accepted at the given time",
    status_replayed: 'a later status of the release was seen before',
    status_equivocation: 'the owner signed two statuses of the release under one number',
    release_yanked: 'the owner withdrew the release',
    release_deprecated: 'the owner advises against the release',
    unsealed_refused: 'the answer was not sealed end to end',
    header_by_host: 'the host chose the header of the request',
    anchor_before_document: 'the head was dated before the document was made that proves its key',
    key_too_old: "the head was dated longer after the document than the policy's maximum age of a key",
  },
  misuse: {
    policy_invalid: 'not a policy: a rule is missing, unknown or badly written',
    policy_unparsed: 'a policy object that parsePolicy did not make',
    argument_invalid: 'an argument has the wrong type or range',
  },
} as const;

type Codes = typeof codeMeanings;
export type MalformedCode = keyof Codes['malformed'];
export type UntrustedCode = keyof Codes['untrusted'];
export type RefusedCode = keyof Codes['refused'];
export type MisuseCode = keyof Codes['misuse'];
export type VerifierCode = MalformedCode | UntrustedCode | RefusedCode | MisuseCode;

/** Where in the evidence the refusal happened. `certificate` counts from the root, which is 0. */
export interface Place {
  readonly checkId?: string;
  readonly offset?: number;
  readonly field?: string;
  readonly certificate?: number;
}

/** Empty, or ` in certificate 2 in extensions at byte 17`. */
export function whereIs({ certificate, field, offset }: Place): string {
  return [
    certificate === undefined ? '' : ` in certificate ${certificate}`,
    field === undefined ? '' : ` in ${field}`,
    offset === undefined ? '' : ` at byte ${offset}`,
  ].join('');
}

/** The only error that leaves this library. `checkId` names the entry of the checklist that said no. */
export class VerifierError extends Error {
  readonly code: VerifierCode;
  readonly checkId: string | null;
  /** What was found, without the code and the place. */
  readonly detail: string;
  readonly place: Place;

  constructor(code: VerifierCode, detail: string, place: Place = {}) {
    super(`${code}: ${detail}${whereIs(place)}`);
    this.name = 'VerifierError';
    this.code = code;
    this.checkId = place.checkId ?? null;
    this.detail = detail;
    this.place = place;
  }
}

/** What parsers throw: the bytes are at fault, not the caller. */
export type MalformedError = VerifierError & { readonly code: MalformedCode };

export function isMalformed(error: unknown): error is MalformedError {
  return error instanceof VerifierError && Object.hasOwn(codeMeanings.malformed, error.code);
}
