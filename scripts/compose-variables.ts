// What docker-compose.yml reads beside the settings of the services.

export interface ComposeVariable {
  readonly name: string
  readonly default: string
  readonly description: string
}

/** In the order of the documentation. None may look like a misspelt setting: the same `.env` serves the command line. */
export const composeVariables: readonly ComposeVariable[] = [
  {
    name: 'NAME',
    default: 'cvat-backups',
    description: 'Name of the stack and of its image. Two stacks on one machine need two.',
  },
  {
    name: 'VERSION',
    default: 'latest',
    description: 'Tag of the image that is built, or taken when it is there.',
  },
  {
    name: 'DOCKER_NAMESPACE',
    default: 'local',
    description: 'What stands before the name of the image: a registry or an account there, to push it to.',
  },
  {
    name: 'NODE_VERSION',
    default: '24',
    description: 'Version of the base image `node:…-slim`.',
  },
  {
    name: 'CONTAINER_UID',
    default: '1000',
    description:
      'User that the containers run as, who needs write access to CVAT_BACKUP_DIR and must be able to read secret files.',
  },
  {
    name: 'CONTAINER_GID',
    default: '1000',
    description: 'Group of that user.',
  },
  {
    name: 'BOARD_PUBLISH',
    default: '127.0.0.1:3000',
    description:
      'Address and port of this machine on which the board is reached. It speaks plain HTTP: put a proxy with TLS in front before another machine may reach it.',
  },
  {
    name: 'HOOKS_PUBLISH',
    default: '127.0.0.1:8090',
    description:
      'Address and port of this machine on which the listener is reached (profile `events`). It speaks plain HTTP, and takes only what is signed.',
  },
  {
    name: 'SIMULATOR_EXPORT_MS',
    default: '400',
    description: 'How long the CVAT of the demo takes for an export, in milliseconds.',
  },
  {
    name: 'SIMULATOR_PASSWORD',
    default: 'demo-password',
    description: 'Password of the users of the CVAT of the demo.',
  },
]
