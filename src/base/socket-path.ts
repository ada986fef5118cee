/** sun_path holds 108 bytes with the final NUL (unix(7)); Node and the addons cut a longer path silently. */
export const SOCKET_PATH_MAX = 107;
