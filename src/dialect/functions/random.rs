//! RANDOM. It is not for secrets, and no seed fixes its sequence.
//!
//! Source: r_RANDOM.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use arrow::array::Float64Array;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let signature = Signature::nullary(Volatility::Volatile);
    vec![Arc::new(ScalarUDF::new_from_impl(Random { signature }))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Random {
    signature: Signature,
}

impl ScalarUDFImpl for Random {
    fn name(&self) -> &str {
        "random"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut state = RandomState::new().build_hasher().finish();
        let out: Float64Array = (0..args.number_rows).map(|_| Some(next(&mut state))).collect();
        Ok(ColumnarValue::Array(Arc::new(out)))
    }
}

/// The next number of SplitMix64, from 0 to below 1.
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // 53 bits are what a float keeps
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
