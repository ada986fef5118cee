/** Bytes. sun_path holds 108 with the final NUL (unix(7)); Node and the addons truncate a longer path silently. */
export const SOCKET_PATH_MAX = 107;
