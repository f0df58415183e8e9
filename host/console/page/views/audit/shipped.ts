import snp from '../../../../../attestations/policies/amd-sev-snp-default.json' with { type: 'json' };
import nitro from '../../../../../attestations/policies/aws-nitro-default.json' with { type: 'json' };
import type { JsonValue } from '../../../../../wire/codec/json.ts';

/** The defaults of the package: they accept no image, so that nobody accepts one without having said so. */
export const shippedPolicies: readonly JsonValue[] = [nitro, snp];
