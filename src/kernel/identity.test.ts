/** Identity and capabilities: the cases of credentials(7) and capabilities(7). */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EINVAL, EPERM } from '../abi/errno.js';
import { CAP_CHOWN, CAP_KILL, CAP_SETUID } from '../abi/capability.js';
import { ALL_CAPABILITIES, hasCapability, ROOT_CREDENTIALS, userCredentials } from '../vfs/credentials.js';
import { difference, intersection, isSubset, union } from './capability-sets.js';
import * as identity from './identity.js';
import { TestMachine } from './machine-for-tests.js';
import type { Task } from './task.js';

const { UNCHANGED } = identity;
let world: TestMachine;
let task: Task;
beforeEach(() => {
  world = new TestMachine();
  task = world.process();
});
afterEach(() => world.dispose());

const uids = (): number[] => [task.cred.uid, task.cred.euid, task.cred.suid, task.cred.fsuid];

test('sets of 41 capabilities', () => {
  const high = 2 ** 40;
  assert.equal(union(high, 1), high + 1);
  assert.equal(intersection(ALL_CAPABILITIES, high + 5), high + 5);
  assert.equal(difference(ALL_CAPABILITIES, high), 2 ** 40 - 1);
  assert.ok(isSubset(high, ALL_CAPABILITIES) && !isSubset(ALL_CAPABILITIES, high));
});

test('setuid of root changes all ids and drops every capability', () => {
  assert.equal(identity.setuid(task, 1000), 0);
  assert.deepEqual(uids(), [1000, 1000, 1000, 1000]);
  assert.deepEqual([task.cred.effective, task.cred.permitted, task.group.dumpable], [0, 0, 0]);
  assert.equal(identity.setuid(task, 0), EPERM);
  assert.equal(identity.setuid(task, UNCHANGED), EINVAL);
});

test('seteuid leaves a way back, and the permitted set', () => {
  identity.setresuid(task, UNCHANGED, 1000, UNCHANGED);
  assert.deepEqual(uids(), [0, 1000, 0, 1000]);
  assert.deepEqual([task.cred.effective, task.cred.permitted], [0, ALL_CAPABILITIES]);
  assert.equal(identity.setresuid(task, UNCHANGED, 0, UNCHANGED), 0);
  assert.equal(task.cred.effective, ALL_CAPABILITIES);
});

test('setreuid of a user swaps ids and sets the saved one', () => {
  task.cred = { ...userCredentials(1000, 1000), euid: 1001, suid: 1001 };
  assert.equal(identity.setreuid(task, 1001, 1000), 0);
  assert.deepEqual(uids(), [1001, 1000, 1000, 1000]);
  assert.equal(identity.setreuid(task, UNCHANGED, 1002), EPERM);
  assert.equal(identity.setresuid(task, UNCHANGED, UNCHANGED, 0), EPERM);
});

test('SECBIT_KEEP_CAPS keeps the permitted set over setuid', () => {
  task.cred = { ...ROOT_CREDENTIALS, securebits: identity.SECBIT_KEEP_CAPS };
  identity.setuid(task, 1000);
  assert.deepEqual([task.cred.effective, task.cred.permitted], [0, ALL_CAPABILITIES]);
});

test('setfsuid answers the old id and moves only the file-system capabilities', () => {
  assert.equal(identity.setfsuid(task, 1000), 0);
  assert.ok(!hasCapability(task.cred, CAP_CHOWN) && hasCapability(task.cred, CAP_KILL));
  assert.equal(identity.setfsuid(task, 0), 1000);
  assert.equal(task.cred.effective, ALL_CAPABILITIES);
  task.cred = userCredentials(1000, 1000);
  assert.equal(identity.setfsuid(task, 5), 1000);
  assert.equal(task.cred.fsuid, 1000);
});

test('groups: only with CAP_SETGID, sorted', () => {
  assert.equal(identity.setgroups(task, [9, 3]), 0);
  assert.deepEqual(task.cred.groups, [3, 9]);
  task.cred = userCredentials(1000, 1000);
  assert.equal(identity.setgroups(task, [1]), EPERM);
  assert.equal(identity.setgid(task, 5), EPERM);
  assert.equal(identity.setresgid(task, 1000, 1000, 1000), 0);
});

test('capset only gives up', () => {
  const some = 2 ** CAP_KILL + 2 ** CAP_SETUID;
  assert.equal(identity.setCapabilities(task, 2 ** CAP_KILL, some, 0), 0);
  assert.equal(identity.setCapabilities(task, some, some, 0), 0);
  assert.equal(identity.setCapabilities(task, some, ALL_CAPABILITIES, 0), EPERM);
  assert.equal(identity.setCapabilities(task, some, 2 ** CAP_KILL, 0), EPERM);
  assert.equal(identity.setCapabilities(task, 0, 0, 2 ** CAP_CHOWN), EPERM);
});
