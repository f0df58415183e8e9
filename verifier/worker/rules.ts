import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { logPreimage, signerPoint, type WorkerIdentity } from '../../wire/message/identity.ts';
import type { RefusedCode, UntrustedCode } from '../errors.ts';
import type { NitroFacts } from '../nitro/facts.ts';
import type { NitroPolicy } from '../policy/policy.ts';
import { isListed } from '../policy/readers.ts';
import { failed, notAsked, passed, type Rule } from '../rules.ts';

export interface BindingContext {
  readonly evidence: Evidence;
  readonly attestation: NitroFacts;
  readonly identity: WorkerIdentity;
  readonly configuration: Configuration;
  readonly suite: Suite;
}

/** The register that a worker extends once with its configuration's hash (DESIGN section 3). */
const CONFIGURATION_PCR = 16;

/** What ties the document to the words that were shown beside it. A failure means that the host mixed things up, or lies. */
export const bindingRules: readonly Rule<BindingContext, UntrustedCode>[] = [
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
  {
    id: 'W3',
    title: 'the configuration shown is the one in the identity',
    run: async ({ evidence, identity, suite }) =>
      equalBytes(await suite.sha256(evidence.configuration), identity.config)
        ? passed(toHex(identity.config))
        : failed('configuration_mismatch', 'its hash is not the identity’s'),
  },
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

export interface AdmissionContext {
  readonly policy: NitroPolicy;
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
