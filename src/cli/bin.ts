#!/usr/bin/env node
/**
 * What `skas` starts. Start-up time counts: the kernel's thread is started before anything else is loaded, so that its code loads
 * while this thread loads the command line and parses the options.
 */
import { loadModule } from '../api/code-cache.js';
import { startWorker } from '../api/kernel-client.js';
import { lowerHelpers } from './helper-threads.js';

/** Commands that run no program on a thread of their own making. */
const OTHER_COMMANDS = new Set([undefined, 'help', '--help', '-h', '--version', '-V', 'doctor', 'syscalls', 'bench']);

const words = process.argv.slice(2);
lowerHelpers();
const thread = OTHER_COMMANDS.has(words[0]) ? undefined : startWorker();
void loadModule<typeof import('./main.js')>('main', import.meta.url).then(({ main }) => main(words, thread));
