//! Error correction over GF(256): syndromes, Berlekamp and Massey's locator, Forney's magnitudes.
//! Places known to be doubtful may be given; each then costs one check codeword instead of two.

/// x^8 + x^4 + x^3 + x^2 + 1
const MODULUS: u16 = 0x11d;
/// The most check codewords a block has.
const CHECK_MAX: usize = 30;

/// Logarithms and powers of 2.
struct Field {
    log: [u8; 256],
    power: [u8; 510],
}

static FIELD: Field = Field::new();

impl Field {
    const fn new() -> Self {
        let (mut log, mut power) = ([0; 256], [0; 510]);
        let (mut x, mut i) = (1_u16, 0);
        while i < 255 {
            power[i] = x as u8;
            power[i + 255] = x as u8;
            log[x as usize] = i as u8;
            x <<= 1;
            if x > 255 {
                x ^= MODULUS;
            }
            i += 1;
        }
        Self { log, power }
    }

    fn times(&self, a: u8, b: u8) -> u8 {
        if a == 0 || b == 0 {
            return 0;
        }
        self.power[usize::from(self.log[usize::from(a)]) + usize::from(self.log[usize::from(b)])]
    }

    /// `b` is not zero.
    fn over(&self, a: u8, b: u8) -> u8 {
        if a == 0 {
            return 0;
        }
        self.power
            [usize::from(self.log[usize::from(a)]) + 255 - usize::from(self.log[usize::from(b)])]
    }

    /// 2 to the `exponent`.
    fn power(&self, exponent: usize) -> u8 {
        self.power[exponent % 255]
    }

    fn at(&self, polynomial: &[u8], x: u8) -> u8 {
        polynomial
            .iter()
            .rev()
            .fold(0, |sum, &c| self.times(sum, x) ^ c)
    }
}

/// Coefficients, lowest first.
type Polynomial = [u8; CHECK_MAX + 2];

/// Corrects `block` in place and gives the number of codewords changed. `None` when it cannot be,
/// or only by using up the last `reserved` check codewords; `block` is then spoilt.
pub(crate) fn correct(
    block: &mut [u8],
    check: usize,
    reserved: usize,
    doubtful: &[usize],
) -> Option<usize> {
    let (n, f) = (block.len(), &FIELD);
    if check > CHECK_MAX || n > 255 || n <= check || doubtful.len() > check {
        return None;
    }
    let syndromes = syndromes(block, check);
    if syndromes[..check].iter().all(|&s| s == 0) {
        return Some(0);
    }
    let locator = locator(&syndromes, check, n, doubtful);
    let degree = locator.iter().rposition(|&c| c != 0)?;
    let spent = if degree > doubtful.len() {
        2 * degree - doubtful.len()
    } else {
        doubtful.len()
    };
    if degree == 0 || spent + reserved > check {
        return None;
    }
    let mut evaluator = [0_u8; CHECK_MAX];
    for (i, out) in evaluator.iter_mut().enumerate().take(check) {
        *out = (0..=i.min(degree)).fold(0, |sum, j| sum ^ f.times(locator[j], syndromes[i - j]));
    }
    let (mut roots, mut changed) = (0, 0);
    for (i, codeword) in block.iter_mut().enumerate() {
        let place = n - 1 - i;
        let inverse = f.power(255 - place);
        if f.at(&locator, inverse) != 0 {
            continue;
        }
        roots += 1;
        // The derivative keeps the odd powers.
        let square = f.times(inverse, inverse);
        let slope = locator[1..]
            .iter()
            .step_by(2)
            .rev()
            .fold(0, |sum, &c| f.times(sum, square) ^ c);
        if slope == 0 {
            return None;
        }
        let magnitude = f.times(f.power(place), f.over(f.at(&evaluator, inverse), slope));
        *codeword ^= magnitude;
        changed += usize::from(magnitude != 0);
    }
    let clean = roots == degree
        && self::syndromes(block, check)[..check]
            .iter()
            .all(|&s| s == 0);
    clean.then_some(changed)
}

fn syndromes(block: &[u8], check: usize) -> [u8; CHECK_MAX] {
    let mut out = [0; CHECK_MAX];
    for (i, syndrome) in out.iter_mut().enumerate().take(check) {
        let x = FIELD.power(i);
        *syndrome = block.iter().fold(0, |sum, &c| FIELD.times(sum, x) ^ c);
    }
    out
}

fn locator(syndromes: &[u8; CHECK_MAX], check: usize, n: usize, doubtful: &[usize]) -> Polynomial {
    let f = &FIELD;
    let mut best: Polynomial = [0; CHECK_MAX + 2];
    best[0] = 1;
    for &i in doubtful {
        let x = f.power(n - 1 - i.min(n - 1));
        for k in (1..best.len()).rev() {
            best[k] ^= f.times(best[k - 1], x);
        }
    }
    let given = doubtful.len();
    let (mut spare, mut length) = (best, given);
    for round in given + 1..=check {
        let gap = (0..round).fold(0, |sum, i| sum ^ f.times(best[i], syndromes[round - 1 - i]));
        let mut shifted: Polynomial = [0; CHECK_MAX + 2];
        shifted[1..].copy_from_slice(&spare[..CHECK_MAX + 1]);
        if gap == 0 {
            spare = shifted;
            continue;
        }
        let mut next = best;
        for (out, &s) in next.iter_mut().zip(&shifted) {
            *out ^= f.times(gap, s);
        }
        if 2 * length < round + given {
            length = round + given - length;
            spare = best.map(|c| f.over(c, gap));
        } else {
            spare = shifted;
        }
        best = next;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Appends check codewords by long division.
    fn encoded(data: &[u8], check: usize) -> Vec<u8> {
        let f = &FIELD;
        let mut generator = vec![1_u8];
        for i in 0..check {
            let mut next = vec![0; generator.len() + 1];
            for (k, &g) in generator.iter().enumerate() {
                next[k] ^= g;
                next[k + 1] ^= f.times(g, f.power(i));
            }
            generator = next;
        }
        let mut rest = data.to_vec();
        rest.resize(data.len() + check, 0);
        for i in 0..data.len() {
            let lead = rest[i];
            for (k, &g) in generator.iter().enumerate() {
                rest[i + k] ^= f.times(lead, g);
            }
        }
        [data, &rest[data.len()..]].concat()
    }

    proptest! {
        #[test]
        fn errors_and_doubts_within_reach_are_corrected(
            data in prop::collection::vec(any::<u8>(), 1..120),
            check in 2_usize..=30,
            places in prop::collection::hash_set(0_usize..150, 30),
            flips in prop::collection::vec(1_u8.., 30),
            doubts in 0_usize..=30,
        ) {
            let whole = encoded(&data, check);
            let mut block = whole.clone();
            let places: Vec<usize> = places.into_iter().filter(|&p| p < whole.len()).collect();
            let doubts = doubts.min(check).min(places.len());
            let errors = ((check - doubts) / 2).min(places.len() - doubts);
            for (&p, flip) in places.iter().zip(flips).take(doubts + errors) {
                block[p] ^= flip;
            }
            let outcome = correct(&mut block, check, 0, &places[..doubts]);
            prop_assert_eq!(outcome, Some(doubts + errors));
            prop_assert_eq!(block, whole);
        }

        #[test]
        fn noise_never_panics(mut block in prop::collection::vec(any::<u8>(), 0..260), check in 0_usize..40, doubtful in prop::collection::vec(0_usize..300, 0..40)) {
            correct(&mut block, check, 0, &doubtful);
        }
    }
}
