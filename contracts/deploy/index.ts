export {
  type Deployer,
  type Deployment,
  type DeploymentOptions,
  deployAll,
  type RegistryParameters,
  type Roots,
  registryDefaults,
} from './deploy.ts';
export { type Done, type LocalChain, requireFoundry, startLocalChain } from './local.ts';
export { deploySimulatorPolicy, type SimulatorPolicyOptions } from './policy.ts';
