//! Fisher's exact test, one-sided.

/// How likely it is, were both equally often refused, that the first is refused as often as it was, or more often: each is
/// given as refused and taken.
///
/// The hypergeometric tail, summed from its greatest term on; what is below 10^-18 of it changes nothing.
pub(super) fn more_often(first: [u64; 2], second: [u64; 2]) -> f64 {
    let ([a, b], [c, d]) = (first.map(number), second.map(number));
    let (row, column, all) = (a + b, a + c, a + b + c + d);
    let most = row.min(column);
    let log = |x: f64| choose(column, x) + choose(all - column, row - x) - choose(all, row);
    let mut term = log(a);
    let (mut x, mut sum) = (a, 0.0);
    while x <= most {
        sum += term.exp();
        // The next term by its ratio to this one.
        let ratio = (row - x) * (column - x) / ((x + 1.0) * (all - column - row + x + 1.0));
        if ratio <= 0.0 || (ratio < 1.0 && term.exp() < sum * 1e-18) {
            break;
        }
        term += ratio.ln();
        x += 1.0;
    }
    sum.min(1.0)
}

/// The logarithm of the number of ways to choose `k` of `n`.
fn choose(n: f64, k: f64) -> f64 {
    log_factorial(n) - log_factorial(k) - log_factorial(n - k)
}

/// Exact below 32, then Stirling's series, whose next term is below 10^-12 from there on.
fn log_factorial(n: f64) -> f64 {
    if n < 32.0 {
        let mut product = 0.0;
        let mut i = 2.0;
        while i <= n {
            product += f64::ln(i);
            i += 1.0;
        }
        return product;
    }
    let n1 = n + 1.0;
    (n1 - 0.5) * n1.ln() - n1 + 0.918_938_533_204_672_7 + 1.0 / (12.0 * n1) - 1.0 / (360.0 * n1.powi(3))
        + 1.0 / (1260.0 * n1.powi(5))
}

#[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::more_often;

    #[test]
    fn known_values() {
        for (first, second, expected) in TABLE {
            let found = more_often(first, second);
            assert!((found - expected).abs() <= expected * 1e-9 + 1e-300, "{first:?} {second:?}: {found} {expected}");
        }
    }

    /// Computed by another implementation, with whole numbers of any length.
    const TABLE: [([u64; 2], [u64; 2], f64); 13] = [
        ([3, 27], [0, 500], 1.645552792252e-04),
        ([0, 30], [0, 500], 1.000000000000e+00),
        ([1, 29], [1, 499], 1.101045047616e-01),
        ([5, 25], [50, 450], 1.899892314262e-01),
        ([30, 0], [0, 570], 2.507708271644e-51),
        ([12, 988], [100, 18900], 1.020240302026e-02),
        ([60, 60], [3, 2000], 1.639873513789e-78),
        ([1, 0], [1, 0], 1.000000000000e+00),
        ([2, 3], [3, 2], 8.968253968254e-01),
        ([100, 2400], [400, 47100], 7.550078582078e-33),
        ([0, 0], [5, 5], 1.000000000000e+00),
        ([500, 500], [500, 500], 5.178345519518e-01),
        ([40, 10], [0, 0], 1.000000000000e+00),
    ];
}
