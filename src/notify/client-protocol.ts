/** How sd-ready-wrap/client sends notifications to the wrapper without an addon. */

/**
 * Appended to the path of the app's notify socket: a stream socket for the same notifications, each ended by a NUL.
 * Node can connect to it, but cannot send to a datagram socket.
 */
export const STREAM_SUFFIX = '.stream';

/** The type of the messages on the IPC channel. */
export const CLIENT_MESSAGE = 'sd-ready-wrap';
