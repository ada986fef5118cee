/** How an app that uses sd-ready-wrap/client speaks to the wrapper: sd_notify(3) states, by ways that Node has. */
/**
 * Behind the path of the app's notify socket: a stream socket that takes the same states, each ended by a NUL. Node
 * alone can send to that, and to a datagram socket it cannot.
 */
export const STREAM_SUFFIX = '.stream';

/** The type of the messages on the IPC channel. */
export const CLIENT_MESSAGE = 'sd-ready-wrap';
