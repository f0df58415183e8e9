import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { logPreimage, signerPoint, type WorkerIdentity } from '../../wire/message/identity.ts';
import { isOnP256 } from '../codec/p256.ts';
import type { RefusedCode, UntrustedCode } from '../errors.ts';
import type { NitroFacts } from '../nitro/facts.ts';
import { type Any, isListed } from '../policy/readers.ts';
import type { SnpPolicy } from '../policy/snp-policy.ts';
import type { WorkerPolicy } from '../policy/worker-policy.ts';
import { failed, notAsked, passed, type Rule } from '../rules.ts';
import type { SnpFacts } from '../snp/facts.ts';

/** What was shown beside the hardware's own words. */
export interface StatementContext {
  readonly evidence: Evidence;
  readonly identity: WorkerIdentity;
  readonly configuration: Configuration;
  readonly suite: Suite;
}

export interface NitroBindingContext extends StatementContext {
  readonly attestation: NitroFacts;
}

export interface SnpBindingContext extends StatementContext {
  readonly attestation: SnpFacts;
}

type StatementRule = Rule<StatementContext, UntrustedCode>;

/** The register that a worker extends once with its configuration's hash (DESIGN section 3). */
const CONFIGURATION_PCR = 16;

const configurationIsNamed: StatementRule = {
  id: 'W3',
  title: 'the configuration shown is the one in the identity',
  run: async ({ evidence, identity, suite }) =>
    equalBytes(await suite.sha256(evidence.configuration), identity.config)
      ? passed(toHex(identity.config))
      : failed('configuration_mismatch', 'its hash is not the identity’s'),
};

const laterStatements: readonly StatementRule[] = [
  {
    id: 'W5',
    title: 'the runtime shown is the one in the identity',
    run: async ({ evidence, identity, suite }) =>
      equalBytes(await suite.sha256(evidence.runtime), identity.runtime)
        ? passed(toHex(identity.runtime))
        : failed('runtime_mismatch', 'its hash is not the identity’s'),
  },
  {
    id: 'W6',
    title: 'operator, chain, registry and settlement are copied from the configuration',
    run: ({ identity, configuration }) =>
      equalBytes(identity.operator, configuration.operator) &&
      identity.chainId === configuration.chainId &&
      equalBytes(identity.registry, configuration.registry) &&
      equalBytes(identity.settlement, configuration.settlement)
        ? passed(identity.chainId === 0n ? 'no chain' : `chain ${identity.chainId}`)
        : failed('identity_contradiction', 'identity and configuration differ'),
  },
];

/** What ties the document to the words that were shown beside it. A failure means that the host mixed things up, or lies. */
export const nitroBindingRules: readonly Rule<NitroBindingContext, UntrustedCode>[] = [
  {
    id: 'W1',
    title: 'user_data is the hash of the identity words',
    run: async ({ evidence, attestation, suite }) => {
      const log = await suite.sha256(logPreimage(evidence.identity));
      return attestation.userData !== null && equalBytes(attestation.userData, log)
        ? passed(`log ${toHex(log)}`)
        : failed('identity_mismatch', 'the document binds another identity');
    },
  },
  {
    id: 'W2',
    title: 'public_key is the signer of the identity',
    run: ({ attestation, identity }) =>
      attestation.publicKey !== null && equalBytes(attestation.publicKey, signerPoint(identity))
        ? passed(`x ${toHex(identity.signerX)}`)
        : failed('signer_mismatch', 'the document carries another key'),
  },
  configurationIsNamed,
  {
    id: 'W4',
    title: 'PCR16 was extended once, with the configuration',
    run: async ({ attestation, identity, suite }) => {
      const expected = await suite.sha384(concatBytes(new Uint8Array(48), identity.config));
      const actual = attestation.pcrs.get(CONFIGURATION_PCR);
      return actual !== undefined && equalBytes(actual, expected)
        ? passed(toHex(expected))
        : failed('configuration_not_bound', 'PCR16 does not hold it');
    },
  },
  ...laterStatements,
];

/**
 * The same for a report, which has 64 bytes of the guest's choice and no more (DESIGN section 3). Signer and
 * configuration are words of the identity that the first half binds, so there is no W4: no register holds the
 * configuration a second time, and W3 stands on W1 alone.
 */
export const snpBindingRules: readonly Rule<SnpBindingContext, UntrustedCode>[] = [
  {
    id: 'W1',
    title: 'the first half of report_data is the hash of the identity words',
    run: async ({ evidence, attestation, suite }) => {
      const log = await suite.sha256(logPreimage(evidence.identity));
      return equalBytes(attestation.userData, log)
        ? passed(`log ${toHex(log)}`)
        : failed('identity_mismatch', 'the report binds another identity');
    },
  },
  {
    id: 'W2',
    title: 'the signer among those words is a key on P-256',
    run: ({ identity }) =>
      isOnP256(signerPoint(identity))
        ? passed(`x ${toHex(identity.signerX)}`)
        : failed('signer_invalid', 'not a point of the curve'),
  },
  configurationIsNamed,
  ...laterStatements,
];

export interface AdmissionContext {
  readonly policy: WorkerPolicy;
  readonly identity: WorkerIdentity;
  readonly configuration: Configuration;
}

/** What the policy wants of a worker beyond its hardware and image. */
export const admissionRules: readonly Rule<AdmissionContext, RefusedCode>[] = [
  {
    id: 'W7',
    title: 'the configuration is accepted',
    run: ({ policy, identity }) =>
      policy.configurations === 'any'
        ? notAsked('any configuration')
        : isListed(policy.configurations, identity.config)
          ? passed('on the list')
          : failed('configuration_refused', toHex(identity.config)),
  },
  {
    id: 'W8',
    title: 'the runtime is accepted',
    run: ({ policy, identity }) =>
      policy.runtimes === 'any'
        ? notAsked('any runtime')
        : isListed(policy.runtimes, identity.runtime)
          ? passed('on the list')
          : failed('runtime_refused', toHex(identity.runtime)),
  },
  {
    id: 'W9',
    title: 'the operator is accepted',
    run: ({ policy, identity }) =>
      policy.operators === 'any'
        ? notAsked('any operator')
        : isListed(policy.operators, identity.operator)
          ? passed('on the list')
          : failed('operator_refused', toHex(identity.operator)),
  },
  {
    id: 'W10',
    title: 'chain, registry and settlement are the expected ones',
    run: ({ policy, identity }) => {
      if (policy.chain === 'any') return notAsked('any chain');
      const { chainId, registry, settlement } = policy.chain;
      return identity.chainId === chainId &&
        equalBytes(identity.registry, registry) &&
        equalBytes(identity.settlement, settlement)
        ? passed(`chain ${chainId}`)
        : failed('chain_refused', `the worker settles on chain ${identity.chainId}`);
    },
  },
  {
    id: 'W11',
    title: 'the configuration allows only accepted publishers',
    run: ({ policy, configuration }) => {
      const { publishers } = policy;
      if (publishers === 'any') return notAsked('any publisher');
      const stranger = configuration.publishers.find((publisher) => !isListed(publishers, publisher));
      return stranger === undefined
        ? passed(`${configuration.publishers.length} publishers`)
        : failed('publisher_refused', toHex(stranger));
    },
  },
];

export interface FreshnessContext {
  readonly policy: SnpPolicy;
  readonly now: number;
  readonly challenge: Uint8Array | Any;
  readonly challengedAt: number | 'unknown';
}

/** DESIGN section 3: the age of a Nitro document is its timestamp's (N19), that of a report its challenge's. */
export const snpFreshnessRules: readonly Rule<FreshnessContext, RefusedCode>[] = [
  {
    id: 'W12',
    title: 'the report was asked for recently enough',
    run: (context) => {
      const { maxAgeSeconds } = context.policy;
      if (maxAgeSeconds === 'any') return notAsked('any age within the certificates');
      const askedAt = timeOfChallenge(context);
      if (askedAt === 'unknown') return failed('report_undated', 'nobody dated the challenge that it answers');
      const age = context.now - askedAt;
      const detail = `${Math.floor(age / 1_000)} s, ${maxAgeSeconds} s allowed`;
      return age >= 0 && age <= maxAgeSeconds * 1_000 ? passed(detail) : failed('report_too_old', detail);
    },
  },
];

/** Where no challenge had to be answered, the time of none says how old the report is. */
export function timeOfChallenge({
  challenge,
  challengedAt,
}: Pick<FreshnessContext, 'challenge' | 'challengedAt'>): number | 'unknown' {
  return challenge === 'any' ? 'unknown' : challengedAt;
}
