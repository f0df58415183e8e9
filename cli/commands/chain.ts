import {
  channelUsage,
  deployUsage,
  policyUsage,
  registerUsage,
  revokeUsage,
  settleUsage,
  statusUsage,
  verifierUsage,
} from '../chain/usage.ts';
import type { Command } from './context.ts';
import { type FamilyCommands, familyOf } from './family.ts';

/** What its commands have in common; each has a text of its own. */
export const chainUsage = `proofmark chain COMMAND ...
  Everything that is done on a chain by hand, with contracts of any EVM chain that has the precompiles of docs/contracts.md.
  Who pays for gas is an account that the node holds unlocked, or the key in a file that nobody else may read. What a
  contract would refuse is not sent, and is told by the contract's own name for it.`;

export const chainCommands: FamilyCommands = {
  deploy: { usage: deployUsage, load: async () => (await import('../chain/deploy-command.ts')).chainDeploy },
  register: { usage: registerUsage, load: async () => (await import('../chain/register-command.ts')).chainRegister },
  revoke: { usage: revokeUsage, load: async () => (await import('../chain/register-command.ts')).chainRevoke },
  status: { usage: statusUsage, load: async () => (await import('../chain/register-command.ts')).chainStatus },
  policy: { usage: policyUsage, load: async () => (await import('../chain/policy-command.ts')).chainPolicy },
  verifier: { usage: verifierUsage, load: async () => (await import('../chain/verifier-command.ts')).chainVerifier },
  channel: { usage: channelUsage, load: async () => (await import('../chain/channel-command.ts')).chainChannel },
  settle: { usage: settleUsage, load: async () => (await import('../chain/settle-command.ts')).chainSettle },
};

export const chain: Command = familyOf('chain', chainCommands);
