// The docker command, for tests: every call is bounded, and says what it printed when it fails.

import { spawn } from 'node:child_process'

/** As whom containers run: `node` of the base image, or whoever runs the tests and cannot give files away. */
export const CONTAINER_UID = process.getuid?.() || 1000

export interface DockerAnswer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface DockerOptions {
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** A failure is an answer too. */
  readonly mayFail?: boolean
}

/**
 * Runs `docker` with these words.
 *
 * @throws Error with all that it printed when it ends with another code than 0, or not within the limit (3 minutes)
 */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<DockerAnswer> {
  const { timeoutMs = 180_000, env = {}, cwd, mayFail = false } = options
  const child = spawn('docker', args, {
    env: { ...ownEnvironment(), ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status))
  })
  if (code !== 0 && !mayFail) {
    const end = code === null ? `did not end within ${timeoutMs} ms` : `ended with ${code}`
    throw new Error(`docker ${args.join(' ')} ${end}\n${stdout}\n${stderr}`)
  }
  return { code, stdout, stderr }
}

/** Compose would prefer what is set here over what a test sets in its file. */
function ownEnvironment(): Record<string, string | undefined> {
  const isOfProduct = (name: string) => /^(CVAT|REDIS|BOARD|COMPOSE_PRO|LOG)_|^(NAME|VERSION|TZ)$/.test(name)
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfProduct(name)))
}

/** Undefined when containers can be started here, else why not. */
export async function whyNoDocker(): Promise<string | undefined> {
  try {
    const { code, stderr } = await docker(['info', '--format', '{{.ServerVersion}}'], {
      timeoutMs: 30_000,
      mayFail: true,
    })
    if (code !== 0) return `no Docker daemon is reachable: ${stderr.trim().split('\n')[0]}`
    const compose = await docker(['compose', 'version'], { timeoutMs: 30_000, mayFail: true })
    return compose.code === 0 ? undefined : 'there is no docker compose'
  } catch (error) {
    return `there is no docker command (${(error as NodeJS.ErrnoException).code})`
  }
}

export interface Inspection {
  readonly Id: string
  readonly Name: string
  readonly Image: string
  readonly RestartCount: number
  readonly State: { readonly Running: boolean; readonly ExitCode: number; readonly OOMKilled: boolean }
  readonly Config: {
    readonly User: string
    readonly Env: readonly string[]
    readonly Labels: Readonly<Record<string, string>>
  }
  readonly HostConfig: {
    readonly Privileged: boolean
    readonly ReadonlyRootfs: boolean
    readonly CapAdd: readonly string[] | null
    readonly CapDrop: readonly string[] | null
    readonly SecurityOpt: readonly string[] | null
    readonly Memory: number
    readonly PidsLimit: number | null
    readonly RestartPolicy: { readonly Name: string }
    readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> }
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>> | null
  }
  readonly Mounts: readonly { readonly Destination: string; readonly RW: boolean }[]
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> }
}

/** What `docker inspect` says of a container. */
export async function inspectContainer(name: string): Promise<Inspection> {
  const { stdout } = await docker(['inspect', '--type', 'container', name])
  const [inspection] = JSON.parse(stdout) as Inspection[]
  if (!inspection) throw new Error(`there is no container ${name}`)
  return inspection
}

/** Runs a program of Node.js inside a container, with these variables besides its own, and gives what it printed. */
export async function runInside(
  container: string,
  program: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  // By name: what stands in a command line can be read by anybody.
  const names = Object.keys(env).flatMap((name) => ['--env', name])
  const words = ['exec', ...names, container, 'node', '--input-type=module', '-e', program]
  const { stdout } = await docker(words, { env })
  return stdout.trim()
}

/**
 * Kills what a container runs, as a defect or the kernel would: by SIGKILL, from inside, so that the restart policy counts.
 * `docker kill` would count as an operator's wish.
 */
export async function crash(container: string): Promise<void> {
  // The process of the container is the only child of tini, which is process 1.
  const program =
    "import fs from 'node:fs'; process.kill(Number(fs.readFileSync('/proc/1/task/1/children','utf8').split(' ')[0]),'SIGKILL')"
  await docker(['exec', container, 'node', '--input-type=module', '-e', program], { mayFail: true })
}
