//! Just enough of ZooKeeper's client protocol to prove that a server lets a client in and lists the root: one request that
//! opens a session, lists `/` and closes the session, and the reading of the answer.

/// The bytes of the request. Opening a session is a write, so an answer also proves that a quorum agrees.
pub fn list_root_request() -> Vec<u8> {
    let mut connect = Vec::new();
    connect.extend_from_slice(&0_i32.to_be_bytes()); // protocol version
    connect.extend_from_slice(&0_i64.to_be_bytes()); // last zxid seen
    connect.extend_from_slice(&10_000_i32.to_be_bytes()); // session time-out, in ms
    connect.extend_from_slice(&0_i64.to_be_bytes()); // no session yet
    connect.extend_from_slice(&16_i32.to_be_bytes()); // its password, of 16 bytes
    connect.extend_from_slice(&[0; 16]);
    connect.push(0); // not read-only
    let mut list = Vec::new();
    list.extend_from_slice(&1_i32.to_be_bytes()); // xid
    list.extend_from_slice(&8_i32.to_be_bytes()); // getChildren
    list.extend_from_slice(&1_i32.to_be_bytes());
    list.push(b'/');
    list.push(0); // no watch
    let mut close = Vec::new();
    close.extend_from_slice(&2_i32.to_be_bytes()); // xid
    close.extend_from_slice(&(-11_i32).to_be_bytes()); // closeSession
    let mut bytes = Vec::new();
    for frame in [connect, list, close] {
        bytes.extend_from_slice(&i32::try_from(frame.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// The names of the root's children; none when the answer is not that of a server that let the client in.
pub fn list_root_answer(bytes: &[u8]) -> Option<Vec<String>> {
    let mut rest = bytes;
    let connected = frame(&mut rest)?;
    let mut connected = connected;
    let _version = int(&mut connected)?;
    let timeout = int(&mut connected)?;
    if timeout <= 0 {
        return None;
    }
    let mut reply = frame(&mut rest)?;
    let xid = int(&mut reply)?;
    let _zxid = take(&mut reply, 8)?;
    let error = int(&mut reply)?;
    if xid != 1 || error != 0 {
        return None;
    }
    let count = int(&mut reply)?;
    (0..count)
        .map(|_| {
            let length = usize::try_from(int(&mut reply)?).ok()?;
            String::from_utf8(take(&mut reply, length)?.to_vec()).ok()
        })
        .collect()
}

fn frame<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(int(bytes)?).ok()?;
    take(bytes, length)
}

fn int(bytes: &mut &[u8]) -> Option<i32> {
    take(bytes, 4)?.try_into().ok().map(i32::from_be_bytes)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_or_wrong_is_no_list_and_no_panic() {
        let mut answer = Vec::new();
        let connected = [0, 0, 0, 0, 0, 0, 39, 16];
        answer.extend_from_slice(&8_i32.to_be_bytes());
        answer.extend_from_slice(&connected);
        let mut reply = Vec::new();
        reply.extend_from_slice(&1_i32.to_be_bytes());
        reply.extend_from_slice(&0_i64.to_be_bytes());
        reply.extend_from_slice(&0_i32.to_be_bytes());
        reply.extend_from_slice(&1_i32.to_be_bytes());
        reply.extend_from_slice(&9_i32.to_be_bytes());
        reply.extend_from_slice(b"zookeeper");
        answer.extend_from_slice(&33_i32.to_be_bytes());
        answer.extend_from_slice(&reply);
        assert_eq!(list_root_answer(&answer), Some(vec!["zookeeper".to_owned()]));
        for end in 0..answer.len() {
            assert_eq!(list_root_answer(&answer[..end]), None);
        }
        assert_eq!(list_root_answer(&[0xff; 64]), None);
    }
}
