/**
 * Open files inside messages (Linux: net/unix/garbage.c). A socket that is only referred to by messages in queues of sockets
 * of the same kind can never be reached again: such circles are found when a socket is closed, and their queues emptied.
 */
import { dropFile } from '../../vfs/fd-table.js';
import type { OpenFile } from '../../vfs/open-file.js';

/** A socket that can hold messages with files and be sent itself. */
export interface FileCarrier extends OpenFile {
  /** References to it that are held by messages. */
  inFlight: number;
  /** Files in its queues, once for each reference; those of connections not yet accepted included. */
  filesInQueue(): Iterable<OpenFile>;
  /** Empties its queues and returns the files that were in them. */
  takeQueuedFiles(): OpenFile[];
}

const carriersInFlight = new Set<FileCarrier>();
let isCarrier: (file: OpenFile) => file is FileCarrier = (_file): _file is FileCarrier => false;

/** Tells which files can form circles; set by the address family. */
export function setCarrierTest(test: (file: OpenFile) => file is FileCarrier): void {
  isCarrier = test;
}

/** Most files in messages, whoever sends them: a bound also on what a privileged guest can have the kernel search. */
export const MOST_IN_FLIGHT = 65536;
let inFlightCount = 0;

/** Files in messages that nobody has received. */
export function filesInFlight(): number {
  return inFlightCount;
}

/** A message takes references to `files`. */
export function putInFlight(files: readonly OpenFile[]): void {
  inFlightCount += files.length;
  for (const file of files) {
    file.references++;
    if (!isCarrier(file)) continue;
    file.inFlight++;
    carriersInFlight.add(file);
  }
}

/** The files have left their message; the references go to the caller. */
function takeFromFlight(files: readonly OpenFile[]): void {
  inFlightCount -= files.length;
  for (const file of files) if (isCarrier(file) && --file.inFlight === 0) carriersInFlight.delete(file);
}

/** The files of a message for its receiver: its references, or new ones when it stays in the queue. */
export function handOver(message: { files: readonly OpenFile[] }, peek: boolean): readonly OpenFile[] {
  const { files } = message;
  if (peek) {
    for (const file of files) file.references++;
    return files;
  }
  message.files = [];
  takeFromFlight(files);
  return files;
}

const doomed: OpenFile[] = [];
let isDropping = false;

/** Drops files of messages that nobody will receive. A file's release may bring more of them: no recursion, one list. */
export function discardFiles(files: readonly OpenFile[]): void {
  takeFromFlight(files);
  for (const file of files) doomed.push(file);
  if (isDropping) return;
  isDropping = true;
  try {
    for (let file = doomed.pop(); file; file = doomed.pop()) dropFile(file);
  } finally {
    isDropping = false;
  }
}

/** Files looked at that one close pays for: a search that took long is not repeated until as many closes have paid. */
const FILES_PER_CLOSE = 64;
let debt = 0;
let looked = 0;

/** Files that searches for circles have looked at so far. */
export function filesLookedAt(): number {
  return looked;
}

/**
 * Finds circles of sockets that only messages refer to, and breaks them. Called when a socket has been closed, and when no more
 * files may be in flight. A guest decides how much there is to search and how often; it pays for it in closes (Linux: the
 * thresholds of wait_for_unix_gc), so that a circle may stay for a while among many files in flight.
 */
export function collectGarbage(): void {
  if (isDropping) return;
  if (carriersInFlight.size === 0) debt = 0;
  if (carriersInFlight.size === 0 || --debt > 0) return;
  const before = looked;
  searchCircles();
  debt = Math.floor((looked - before) / FILES_PER_CLOSE);
}

function searchCircles(): void {
  looked += carriersInFlight.size;
  const candidates = new Map<FileCarrier, number>();
  for (const carrier of carriersInFlight) if (carrier.references === carrier.inFlight) candidates.set(carrier, carrier.inFlight);
  if (candidates.size === 0) return;
  for (const carrier of candidates.keys()) forEachCandidate(carrier, candidates, (child, count) => candidates.set(child, count - 1));
  // What is left over is referred to by a message in a reachable queue; so is everything in its own queue.
  const reachable = [...candidates].filter(([, count]) => count > 0).map(([carrier]) => carrier);
  for (const carrier of reachable) candidates.delete(carrier);
  for (let carrier = reachable.pop(); carrier; carrier = reachable.pop()) {
    forEachCandidate(carrier, candidates, (child) => {
      candidates.delete(child);
      reachable.push(child);
    });
  }
  const garbage: OpenFile[] = [];
  for (const carrier of candidates.keys()) garbage.push(...carrier.takeQueuedFiles());
  discardFiles(garbage);
}

function forEachCandidate(
  carrier: FileCarrier,
  candidates: ReadonlyMap<FileCarrier, number>,
  action: (child: FileCarrier, count: number) => void,
): void {
  for (const file of carrier.filesInQueue()) {
    looked++;
    const count = isCarrier(file) ? candidates.get(file) : undefined;
    if (count !== undefined) action(file as FileCarrier, count);
  }
}
